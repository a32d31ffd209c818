//! The site of a server of pages, as `rsock/_pages.py` describes it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use super::argument::at_least_one;
use super::place::shown;
use super::reported::tell;
use crate::http::asked::AskedLimits;
use crate::service::Service;
use crate::service::pages::{Content, Manner, Page, PageError, Pages, Root, Site, Table, Tell};

/// No part of an answer is smaller, whatever the limit.
const SMALLEST: usize = 4096;

/// A page: its path, status, headers, and either its body or the path of a file.
type Row<'py> = (
    Bound<'py, PyBytes>,
    u16,
    Vec<(String, Bound<'py, PyBytes>)>,
    Option<Bound<'py, PyBytes>>,
    Option<Bound<'py, PyBytes>>,
);

/// A site: pages, hosts with their pages, redirects, and the path of a directory.
type Parts<'py> = (
    Vec<Row<'py>>,
    Vec<(String, Vec<Row<'py>>)>,
    Vec<(Bound<'py, PyBytes>, String)>,
    Option<Bound<'py, PyBytes>>,
);

/// Make the service that a tuple describes: the site, chunked, gzip, and three limits.
pub(super) fn service(
    description: &Bound<'_, PyTuple>,
    told: Option<Arc<Py<PyAny>>>,
) -> PyResult<Box<dyn Service>> {
    let (_, site, chunked, gzip, max_request_head, max_body, max_pending) =
        description.extract::<(String, Parts<'_>, bool, bool, usize, u64, usize)>()?;
    let standard = Manner::default();
    let manner = Manner {
        chunked,
        gzip,
        limits: AskedLimits {
            head: at_least_one(max_request_head, "max_request_head")?,
            body: max_body,
            ..standard.limits
        },
        // A single part may go beyond, so that a part is worth its while.
        part: at_least_one(max_pending, "max_pending")?.clamp(SMALLEST, standard.part),
    };
    Ok(Box::new(Pages::new(
        site_of(site)?,
        manner,
        told.map(teller),
    )))
}

fn site_of((pages, hosts, redirects, directory): Parts<'_>) -> PyResult<Site> {
    let mut site = Site {
        pages: table(pages)?,
        ..Site::default()
    };
    for (host, pages) in hosts {
        site.add_host(&host, table(pages)?);
    }
    for (path, location) in redirects {
        let page = Page::redirect(&location).map_err(wrong)?;
        site.redirects.insert(path.as_bytes(), page);
    }
    if let Some(path) = directory {
        site.directory = Some(Root::new(&path_of(&path))?);
    }
    Ok(site)
}

fn table(rows: Vec<Row<'_>>) -> PyResult<Table> {
    let mut table = Table::default();
    for (path, status, headers, body, file) in rows {
        let content = match file {
            Some(file) => Content::File(path_of(&file)),
            None => {
                let bytes = body.map(|body| body.as_bytes().to_vec());
                Content::Bytes(Arc::new(bytes.unwrap_or_default()))
            }
        };
        let headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name, value.as_bytes().to_vec()))
            .collect();
        let page = Page::new(path.as_bytes(), status, &headers, content).map_err(wrong)?;
        table.insert(path.as_bytes(), page);
    }
    Ok(table)
}

fn path_of(bytes: &Bound<'_, PyBytes>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.as_bytes().to_vec()))
}

fn wrong(error: PageError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Have a Python function told of each request.
fn teller(report: Arc<Py<PyAny>>) -> Tell {
    Box::new(move |peer, line| {
        tell(&report, "request", |py| {
            Ok((shown(py, peer)?, line).into_pyobject(py)?.into_any())
        });
    })
}
