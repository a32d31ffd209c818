//! The connections of one loop, each in a slot that is used again.

use super::connection::Connection;
use crate::service::mailbox::Key;

/// A place for a connection.
#[derive(Default)]
pub(super) struct Slot {
    generation: u32,
    connection: Option<Connection>,
}

/// The connections of one loop.
///
/// A slot that becomes free is used again in the next turn only: what the kernel has told about
/// its connection in this turn cannot be taken for news of another.
#[derive(Default)]
pub(super) struct Registry {
    slots: Vec<Slot>,
    free: Vec<u32>,
    freed: Vec<u32>,
    count: usize,
}

impl Registry {
    /// Choose a slot for a connection that is about to be made.
    pub(super) fn reserve(&mut self) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        Key {
            index,
            generation: self.slots[index as usize].generation,
        }
    }

    /// Put a connection into its slot.
    pub(super) fn fill(&mut self, key: Key, connection: Connection) {
        self.slots[key.index as usize].connection = Some(connection);
        self.count += 1;
    }

    /// Give a slot back, with the connection in it, if there is one.
    pub(super) fn remove(&mut self, key: Key) -> Option<Connection> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation != key.generation {
            return None;
        }
        slot.generation = slot.generation.wrapping_add(1);
        self.freed.push(key.index);
        let connection = slot.connection.take()?;
        self.count -= 1;
        Some(connection)
    }

    /// Let the slots that became free be used again.
    pub(super) fn end_turn(&mut self) {
        self.free.append(&mut self.freed);
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation {
            slot.connection.as_mut()
        } else {
            None
        }
    }

    pub(super) fn contains(&self, key: Key) -> bool {
        let slot = self.slots.get(key.index as usize);
        slot.is_some_and(|slot| slot.generation == key.generation && slot.connection.is_some())
    }

    /// Return the key of whatever is in a slot.
    pub(super) fn key(&self, index: usize) -> Option<Key> {
        let slot = self.slots.get(index)?;
        slot.connection.as_ref()?;
        Some(Key {
            index: index as u32,
            generation: slot.generation,
        })
    }

    /// Return all connections.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Connection)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = Key {
                index: index as u32,
                generation: slot.generation,
            };
            Some((key, slot.connection.as_ref()?))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }
}

impl IntoIterator for Registry {
    type Item = Connection;
    type IntoIter = std::iter::FilterMap<std::vec::IntoIter<Slot>, fn(Slot) -> Option<Connection>>;

    fn into_iter(self) -> Self::IntoIter {
        self.slots.into_iter().filter_map(|slot| slot.connection)
    }
}
