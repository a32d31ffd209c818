# ruff: noqa: I001
# The native module has what `_socket` has, and the class that rsock's own is made of.
import sys
from _typeshed import ReadableBuffer, StrOrBytesPath, Unused
from collections.abc import Callable, Iterable, Sequence
from socket import AddressFamily, SocketKind
from typing import Any, final
from typing_extensions import Self, TypeAlias, disjoint_base

# fmt: off
from _socket import (
    AF_ALG as AF_ALG, AF_APPLETALK as AF_APPLETALK, AF_ASH as AF_ASH, AF_ATMPVC as AF_ATMPVC,
    AF_ATMSVC as AF_ATMSVC, AF_AX25 as AF_AX25, AF_BRIDGE as AF_BRIDGE, AF_CAN as AF_CAN,
    AF_ECONET as AF_ECONET, AF_INET as AF_INET, AF_INET6 as AF_INET6, AF_IPX as AF_IPX, AF_IRDA
    as AF_IRDA, AF_KEY as AF_KEY, AF_LLC as AF_LLC, AF_NETBEUI as AF_NETBEUI, AF_NETLINK as
    AF_NETLINK, AF_NETROM as AF_NETROM, AF_PACKET as AF_PACKET, AF_PPPOX as AF_PPPOX, AF_QIPCRTR
    as AF_QIPCRTR, AF_RDS as AF_RDS, AF_ROSE as AF_ROSE, AF_ROUTE as AF_ROUTE, AF_SECURITY as
    AF_SECURITY, AF_SNA as AF_SNA, AF_TIPC as AF_TIPC, AF_UNIX as AF_UNIX, AF_UNSPEC as
    AF_UNSPEC, AF_VSOCK as AF_VSOCK, AF_WANPIPE as AF_WANPIPE, AF_X25 as AF_X25, AI_ADDRCONFIG
    as AI_ADDRCONFIG, AI_ALL as AI_ALL, AI_CANONNAME as AI_CANONNAME, AI_NUMERICHOST as
    AI_NUMERICHOST, AI_NUMERICSERV as AI_NUMERICSERV, AI_PASSIVE as AI_PASSIVE, AI_V4MAPPED as
    AI_V4MAPPED, ALG_OP_DECRYPT as ALG_OP_DECRYPT, ALG_OP_ENCRYPT as ALG_OP_ENCRYPT, ALG_OP_SIGN
    as ALG_OP_SIGN, ALG_OP_VERIFY as ALG_OP_VERIFY, ALG_SET_AEAD_ASSOCLEN as
    ALG_SET_AEAD_ASSOCLEN, ALG_SET_AEAD_AUTHSIZE as ALG_SET_AEAD_AUTHSIZE, ALG_SET_IV as
    ALG_SET_IV, ALG_SET_KEY as ALG_SET_KEY, ALG_SET_OP as ALG_SET_OP, ALG_SET_PUBKEY as
    ALG_SET_PUBKEY, CAN_BCM as CAN_BCM, CAN_BCM_CAN_FD_FRAME as CAN_BCM_CAN_FD_FRAME,
    CAN_BCM_RX_ANNOUNCE_RESUME as CAN_BCM_RX_ANNOUNCE_RESUME, CAN_BCM_RX_CHANGED as
    CAN_BCM_RX_CHANGED, CAN_BCM_RX_CHECK_DLC as CAN_BCM_RX_CHECK_DLC, CAN_BCM_RX_DELETE as
    CAN_BCM_RX_DELETE, CAN_BCM_RX_FILTER_ID as CAN_BCM_RX_FILTER_ID, CAN_BCM_RX_NO_AUTOTIMER as
    CAN_BCM_RX_NO_AUTOTIMER, CAN_BCM_RX_READ as CAN_BCM_RX_READ, CAN_BCM_RX_RTR_FRAME as
    CAN_BCM_RX_RTR_FRAME, CAN_BCM_RX_SETUP as CAN_BCM_RX_SETUP, CAN_BCM_RX_STATUS as
    CAN_BCM_RX_STATUS, CAN_BCM_RX_TIMEOUT as CAN_BCM_RX_TIMEOUT, CAN_BCM_SETTIMER as
    CAN_BCM_SETTIMER, CAN_BCM_STARTTIMER as CAN_BCM_STARTTIMER, CAN_BCM_TX_ANNOUNCE as
    CAN_BCM_TX_ANNOUNCE, CAN_BCM_TX_COUNTEVT as CAN_BCM_TX_COUNTEVT, CAN_BCM_TX_CP_CAN_ID as
    CAN_BCM_TX_CP_CAN_ID, CAN_BCM_TX_DELETE as CAN_BCM_TX_DELETE, CAN_BCM_TX_EXPIRED as
    CAN_BCM_TX_EXPIRED, CAN_BCM_TX_READ as CAN_BCM_TX_READ, CAN_BCM_TX_RESET_MULTI_IDX as
    CAN_BCM_TX_RESET_MULTI_IDX, CAN_BCM_TX_SEND as CAN_BCM_TX_SEND, CAN_BCM_TX_SETUP as
    CAN_BCM_TX_SETUP, CAN_BCM_TX_STATUS as CAN_BCM_TX_STATUS, CAN_EFF_FLAG as CAN_EFF_FLAG,
    CAN_EFF_MASK as CAN_EFF_MASK, CAN_ERR_FLAG as CAN_ERR_FLAG, CAN_ERR_MASK as CAN_ERR_MASK,
    CAN_ISOTP as CAN_ISOTP, CAN_J1939 as CAN_J1939, CAN_RAW as CAN_RAW, CAN_RAW_FD_FRAMES as
    CAN_RAW_FD_FRAMES, CAN_RAW_FILTER as CAN_RAW_FILTER, CAN_RAW_JOIN_FILTERS as
    CAN_RAW_JOIN_FILTERS, CAN_RAW_LOOPBACK as CAN_RAW_LOOPBACK, CAN_RAW_RECV_OWN_MSGS as
    CAN_RAW_RECV_OWN_MSGS, CAN_RTR_FLAG as CAN_RTR_FLAG, CAN_SFF_MASK as CAN_SFF_MASK, CAPI as
    CAPI, CMSG_LEN as CMSG_LEN, CMSG_SPACE as CMSG_SPACE, EAI_ADDRFAMILY as EAI_ADDRFAMILY,
    EAI_AGAIN as EAI_AGAIN, EAI_BADFLAGS as EAI_BADFLAGS, EAI_FAIL as EAI_FAIL, EAI_FAMILY as
    EAI_FAMILY, EAI_MEMORY as EAI_MEMORY, EAI_NODATA as EAI_NODATA, EAI_NONAME as EAI_NONAME,
    EAI_OVERFLOW as EAI_OVERFLOW, EAI_SERVICE as EAI_SERVICE, EAI_SOCKTYPE as EAI_SOCKTYPE,
    EAI_SYSTEM as EAI_SYSTEM, INADDR_ALLHOSTS_GROUP as INADDR_ALLHOSTS_GROUP, INADDR_ANY as
    INADDR_ANY, INADDR_BROADCAST as INADDR_BROADCAST, INADDR_LOOPBACK as INADDR_LOOPBACK,
    INADDR_MAX_LOCAL_GROUP as INADDR_MAX_LOCAL_GROUP, INADDR_NONE as INADDR_NONE,
    INADDR_UNSPEC_GROUP as INADDR_UNSPEC_GROUP, IOCTL_VM_SOCKETS_GET_LOCAL_CID as
    IOCTL_VM_SOCKETS_GET_LOCAL_CID, IPPORT_RESERVED as IPPORT_RESERVED, IPPORT_USERRESERVED as
    IPPORT_USERRESERVED, IPPROTO_AH as IPPROTO_AH, IPPROTO_DSTOPTS as IPPROTO_DSTOPTS,
    IPPROTO_EGP as IPPROTO_EGP, IPPROTO_ESP as IPPROTO_ESP, IPPROTO_FRAGMENT as
    IPPROTO_FRAGMENT, IPPROTO_GRE as IPPROTO_GRE, IPPROTO_HOPOPTS as IPPROTO_HOPOPTS,
    IPPROTO_ICMP as IPPROTO_ICMP, IPPROTO_ICMPV6 as IPPROTO_ICMPV6, IPPROTO_IDP as IPPROTO_IDP,
    IPPROTO_IGMP as IPPROTO_IGMP, IPPROTO_IP as IPPROTO_IP, IPPROTO_IPIP as IPPROTO_IPIP,
    IPPROTO_IPV6 as IPPROTO_IPV6, IPPROTO_NONE as IPPROTO_NONE, IPPROTO_PIM as IPPROTO_PIM,
    IPPROTO_PUP as IPPROTO_PUP, IPPROTO_RAW as IPPROTO_RAW, IPPROTO_ROUTING as IPPROTO_ROUTING,
    IPPROTO_RSVP as IPPROTO_RSVP, IPPROTO_SCTP as IPPROTO_SCTP, IPPROTO_TCP as IPPROTO_TCP,
    IPPROTO_TP as IPPROTO_TP, IPPROTO_UDP as IPPROTO_UDP, IPPROTO_UDPLITE as IPPROTO_UDPLITE,
    IPV6_CHECKSUM as IPV6_CHECKSUM, IPV6_DONTFRAG as IPV6_DONTFRAG, IPV6_DSTOPTS as
    IPV6_DSTOPTS, IPV6_HOPLIMIT as IPV6_HOPLIMIT, IPV6_HOPOPTS as IPV6_HOPOPTS, IPV6_JOIN_GROUP
    as IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP as IPV6_LEAVE_GROUP, IPV6_MULTICAST_HOPS as
    IPV6_MULTICAST_HOPS, IPV6_MULTICAST_IF as IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP as
    IPV6_MULTICAST_LOOP, IPV6_NEXTHOP as IPV6_NEXTHOP, IPV6_PATHMTU as IPV6_PATHMTU,
    IPV6_PKTINFO as IPV6_PKTINFO, IPV6_RECVDSTOPTS as IPV6_RECVDSTOPTS, IPV6_RECVHOPLIMIT as
    IPV6_RECVHOPLIMIT, IPV6_RECVHOPOPTS as IPV6_RECVHOPOPTS, IPV6_RECVPATHMTU as
    IPV6_RECVPATHMTU, IPV6_RECVPKTINFO as IPV6_RECVPKTINFO, IPV6_RECVRTHDR as IPV6_RECVRTHDR,
    IPV6_RECVTCLASS as IPV6_RECVTCLASS, IPV6_RTHDR as IPV6_RTHDR, IPV6_RTHDRDSTOPTS as
    IPV6_RTHDRDSTOPTS, IPV6_RTHDR_TYPE_0 as IPV6_RTHDR_TYPE_0, IPV6_TCLASS as IPV6_TCLASS,
    IPV6_UNICAST_HOPS as IPV6_UNICAST_HOPS, IPV6_V6ONLY as IPV6_V6ONLY, IP_ADD_MEMBERSHIP as
    IP_ADD_MEMBERSHIP, IP_DEFAULT_MULTICAST_LOOP as IP_DEFAULT_MULTICAST_LOOP,
    IP_DEFAULT_MULTICAST_TTL as IP_DEFAULT_MULTICAST_TTL, IP_DROP_MEMBERSHIP as
    IP_DROP_MEMBERSHIP, IP_HDRINCL as IP_HDRINCL, IP_MAX_MEMBERSHIPS as IP_MAX_MEMBERSHIPS,
    IP_MULTICAST_IF as IP_MULTICAST_IF, IP_MULTICAST_LOOP as IP_MULTICAST_LOOP, IP_MULTICAST_TTL
    as IP_MULTICAST_TTL, IP_OPTIONS as IP_OPTIONS, IP_RECVOPTS as IP_RECVOPTS, IP_RECVRETOPTS as
    IP_RECVRETOPTS, IP_RETOPTS as IP_RETOPTS, IP_TOS as IP_TOS, IP_TRANSPARENT as
    IP_TRANSPARENT, IP_TTL as IP_TTL, J1939_EE_INFO_NONE as J1939_EE_INFO_NONE,
    J1939_EE_INFO_TX_ABORT as J1939_EE_INFO_TX_ABORT, J1939_FILTER_MAX as J1939_FILTER_MAX,
    J1939_IDLE_ADDR as J1939_IDLE_ADDR, J1939_MAX_UNICAST_ADDR as J1939_MAX_UNICAST_ADDR,
    J1939_NLA_BYTES_ACKED as J1939_NLA_BYTES_ACKED, J1939_NLA_PAD as J1939_NLA_PAD,
    J1939_NO_ADDR as J1939_NO_ADDR, J1939_NO_NAME as J1939_NO_NAME, J1939_NO_PGN as
    J1939_NO_PGN, J1939_PGN_ADDRESS_CLAIMED as J1939_PGN_ADDRESS_CLAIMED,
    J1939_PGN_ADDRESS_COMMANDED as J1939_PGN_ADDRESS_COMMANDED, J1939_PGN_MAX as J1939_PGN_MAX,
    J1939_PGN_PDU1_MAX as J1939_PGN_PDU1_MAX, J1939_PGN_REQUEST as J1939_PGN_REQUEST,
    MSG_CMSG_CLOEXEC as MSG_CMSG_CLOEXEC, MSG_CONFIRM as MSG_CONFIRM, MSG_CTRUNC as MSG_CTRUNC,
    MSG_DONTROUTE as MSG_DONTROUTE, MSG_DONTWAIT as MSG_DONTWAIT, MSG_EOR as MSG_EOR,
    MSG_ERRQUEUE as MSG_ERRQUEUE, MSG_FASTOPEN as MSG_FASTOPEN, MSG_MORE as MSG_MORE,
    MSG_NOSIGNAL as MSG_NOSIGNAL, MSG_OOB as MSG_OOB, MSG_PEEK as MSG_PEEK, MSG_TRUNC as
    MSG_TRUNC, MSG_WAITALL as MSG_WAITALL, NETLINK_CRYPTO as NETLINK_CRYPTO, NETLINK_DNRTMSG as
    NETLINK_DNRTMSG, NETLINK_FIREWALL as NETLINK_FIREWALL, NETLINK_IP6_FW as NETLINK_IP6_FW,
    NETLINK_NFLOG as NETLINK_NFLOG, NETLINK_ROUTE as NETLINK_ROUTE, NETLINK_USERSOCK as
    NETLINK_USERSOCK, NETLINK_XFRM as NETLINK_XFRM, NI_DGRAM as NI_DGRAM, NI_MAXHOST as
    NI_MAXHOST, NI_MAXSERV as NI_MAXSERV, NI_NAMEREQD as NI_NAMEREQD, NI_NOFQDN as NI_NOFQDN,
    NI_NUMERICHOST as NI_NUMERICHOST, NI_NUMERICSERV as NI_NUMERICSERV, PACKET_BROADCAST as
    PACKET_BROADCAST, PACKET_FASTROUTE as PACKET_FASTROUTE, PACKET_HOST as PACKET_HOST,
    PACKET_LOOPBACK as PACKET_LOOPBACK, PACKET_MULTICAST as PACKET_MULTICAST, PACKET_OTHERHOST
    as PACKET_OTHERHOST, PACKET_OUTGOING as PACKET_OUTGOING, PF_CAN as PF_CAN, PF_PACKET as
    PF_PACKET, PF_RDS as PF_RDS, SCM_CREDENTIALS as SCM_CREDENTIALS, SCM_J1939_DEST_ADDR as
    SCM_J1939_DEST_ADDR, SCM_J1939_DEST_NAME as SCM_J1939_DEST_NAME, SCM_J1939_ERRQUEUE as
    SCM_J1939_ERRQUEUE, SCM_J1939_PRIO as SCM_J1939_PRIO, SCM_RIGHTS as SCM_RIGHTS, SHUT_RD as
    SHUT_RD, SHUT_RDWR as SHUT_RDWR, SHUT_WR as SHUT_WR, SOCK_CLOEXEC as SOCK_CLOEXEC,
    SOCK_DGRAM as SOCK_DGRAM, SOCK_NONBLOCK as SOCK_NONBLOCK, SOCK_RAW as SOCK_RAW, SOCK_RDM as
    SOCK_RDM, SOCK_SEQPACKET as SOCK_SEQPACKET, SOCK_STREAM as SOCK_STREAM, SOL_ALG as SOL_ALG,
    SOL_CAN_BASE as SOL_CAN_BASE, SOL_CAN_RAW as SOL_CAN_RAW, SOL_IP as SOL_IP, SOL_RDS as
    SOL_RDS, SOL_SOCKET as SOL_SOCKET, SOL_TCP as SOL_TCP, SOL_TIPC as SOL_TIPC, SOL_UDP as
    SOL_UDP, SOMAXCONN as SOMAXCONN, SO_ACCEPTCONN as SO_ACCEPTCONN, SO_BINDTODEVICE as
    SO_BINDTODEVICE, SO_BROADCAST as SO_BROADCAST, SO_DEBUG as SO_DEBUG, SO_DOMAIN as SO_DOMAIN,
    SO_DONTROUTE as SO_DONTROUTE, SO_ERROR as SO_ERROR, SO_J1939_ERRQUEUE as SO_J1939_ERRQUEUE,
    SO_J1939_FILTER as SO_J1939_FILTER, SO_J1939_PROMISC as SO_J1939_PROMISC, SO_J1939_SEND_PRIO
    as SO_J1939_SEND_PRIO, SO_KEEPALIVE as SO_KEEPALIVE, SO_LINGER as SO_LINGER, SO_MARK as
    SO_MARK, SO_OOBINLINE as SO_OOBINLINE, SO_PASSCRED as SO_PASSCRED, SO_PASSSEC as SO_PASSSEC,
    SO_PEERCRED as SO_PEERCRED, SO_PEERSEC as SO_PEERSEC, SO_PRIORITY as SO_PRIORITY,
    SO_PROTOCOL as SO_PROTOCOL, SO_RCVBUF as SO_RCVBUF, SO_RCVLOWAT as SO_RCVLOWAT, SO_RCVTIMEO
    as SO_RCVTIMEO, SO_REUSEADDR as SO_REUSEADDR, SO_REUSEPORT as SO_REUSEPORT, SO_SNDBUF as
    SO_SNDBUF, SO_SNDLOWAT as SO_SNDLOWAT, SO_SNDTIMEO as SO_SNDTIMEO, SO_TYPE as SO_TYPE,
    SO_VM_SOCKETS_BUFFER_MAX_SIZE as SO_VM_SOCKETS_BUFFER_MAX_SIZE,
    SO_VM_SOCKETS_BUFFER_MIN_SIZE as SO_VM_SOCKETS_BUFFER_MIN_SIZE, SO_VM_SOCKETS_BUFFER_SIZE as
    SO_VM_SOCKETS_BUFFER_SIZE, TCP_CONGESTION as TCP_CONGESTION, TCP_CORK as TCP_CORK,
    TCP_DEFER_ACCEPT as TCP_DEFER_ACCEPT, TCP_FASTOPEN as TCP_FASTOPEN, TCP_INFO as TCP_INFO,
    TCP_KEEPCNT as TCP_KEEPCNT, TCP_KEEPIDLE as TCP_KEEPIDLE, TCP_KEEPINTVL as TCP_KEEPINTVL,
    TCP_LINGER2 as TCP_LINGER2, TCP_MAXSEG as TCP_MAXSEG, TCP_NODELAY as TCP_NODELAY,
    TCP_NOTSENT_LOWAT as TCP_NOTSENT_LOWAT, TCP_QUICKACK as TCP_QUICKACK, TCP_SYNCNT as
    TCP_SYNCNT, TCP_USER_TIMEOUT as TCP_USER_TIMEOUT, TCP_WINDOW_CLAMP as TCP_WINDOW_CLAMP,
    TIPC_ADDR_ID as TIPC_ADDR_ID, TIPC_ADDR_NAME as TIPC_ADDR_NAME, TIPC_ADDR_NAMESEQ as
    TIPC_ADDR_NAMESEQ, TIPC_CFG_SRV as TIPC_CFG_SRV, TIPC_CLUSTER_SCOPE as TIPC_CLUSTER_SCOPE,
    TIPC_CONN_TIMEOUT as TIPC_CONN_TIMEOUT, TIPC_CRITICAL_IMPORTANCE as
    TIPC_CRITICAL_IMPORTANCE, TIPC_DEST_DROPPABLE as TIPC_DEST_DROPPABLE, TIPC_HIGH_IMPORTANCE
    as TIPC_HIGH_IMPORTANCE, TIPC_IMPORTANCE as TIPC_IMPORTANCE, TIPC_LOW_IMPORTANCE as
    TIPC_LOW_IMPORTANCE, TIPC_MEDIUM_IMPORTANCE as TIPC_MEDIUM_IMPORTANCE, TIPC_NODE_SCOPE as
    TIPC_NODE_SCOPE, TIPC_PUBLISHED as TIPC_PUBLISHED, TIPC_SRC_DROPPABLE as TIPC_SRC_DROPPABLE,
    TIPC_SUBSCR_TIMEOUT as TIPC_SUBSCR_TIMEOUT, TIPC_SUB_CANCEL as TIPC_SUB_CANCEL,
    TIPC_SUB_PORTS as TIPC_SUB_PORTS, TIPC_SUB_SERVICE as TIPC_SUB_SERVICE, TIPC_TOP_SRV as
    TIPC_TOP_SRV, TIPC_WAIT_FOREVER as TIPC_WAIT_FOREVER, TIPC_WITHDRAWN as TIPC_WITHDRAWN,
    TIPC_ZONE_SCOPE as TIPC_ZONE_SCOPE, UDPLITE_RECV_CSCOV as UDPLITE_RECV_CSCOV,
    UDPLITE_SEND_CSCOV as UDPLITE_SEND_CSCOV, VMADDR_CID_ANY as VMADDR_CID_ANY, VMADDR_CID_HOST
    as VMADDR_CID_HOST, VMADDR_PORT_ANY as VMADDR_PORT_ANY, VM_SOCKETS_INVALID_VERSION as
    VM_SOCKETS_INVALID_VERSION, AF_DECnet as AF_DECnet, SocketType as SocketType, close as
    close, dup as dup, error as error, gaierror as gaierror, getaddrinfo as getaddrinfo,
    getdefaulttimeout as getdefaulttimeout, gethostbyaddr as gethostbyaddr, gethostbyname as
    gethostbyname, gethostbyname_ex as gethostbyname_ex, gethostname as gethostname, getnameinfo
    as getnameinfo, getprotobyname as getprotobyname, getservbyname as getservbyname,
    getservbyport as getservbyport, has_ipv6 as has_ipv6, herror as herror, htonl as htonl,
    htons as htons, if_indextoname as if_indextoname, if_nameindex as if_nameindex,
    if_nametoindex as if_nametoindex, inet_aton as inet_aton, inet_ntoa as inet_ntoa, inet_ntop
    as inet_ntop, inet_pton as inet_pton, ntohl as ntohl, ntohs as ntohs, setdefaulttimeout as
    setdefaulttimeout, sethostname as sethostname, socket as socket, socketpair as socketpair,
    timeout as timeout,
)
if sys.version_info >= (3, 10):
    from _socket import (
        IPPROTO_MPTCP as IPPROTO_MPTCP, IP_RECVTOS as IP_RECVTOS,
    )
if sys.version_info >= (3, 11):
    from _socket import (
        IP_BIND_ADDRESS_NO_PORT as IP_BIND_ADDRESS_NO_PORT, SO_INCOMING_CPU as SO_INCOMING_CPU,
    )
if sys.version_info >= (3, 12):
    from _socket import (
        ETHERTYPE_ARP as ETHERTYPE_ARP, ETHERTYPE_IP as ETHERTYPE_IP, ETHERTYPE_IPV6 as
        ETHERTYPE_IPV6, ETHERTYPE_VLAN as ETHERTYPE_VLAN, ETH_P_ALL as ETH_P_ALL,
        IP_ADD_SOURCE_MEMBERSHIP as IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE as
        IP_BLOCK_SOURCE, IP_DROP_SOURCE_MEMBERSHIP as IP_DROP_SOURCE_MEMBERSHIP, IP_PKTINFO as
        IP_PKTINFO, IP_UNBLOCK_SOURCE as IP_UNBLOCK_SOURCE, TCP_CC_INFO as TCP_CC_INFO,
        TCP_FASTOPEN_CONNECT as TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY as TCP_FASTOPEN_KEY,
        TCP_FASTOPEN_NO_COOKIE as TCP_FASTOPEN_NO_COOKIE, TCP_INQ as TCP_INQ, TCP_MD5SIG as
        TCP_MD5SIG, TCP_MD5SIG_EXT as TCP_MD5SIG_EXT, TCP_QUEUE_SEQ as TCP_QUEUE_SEQ, TCP_REPAIR
        as TCP_REPAIR, TCP_REPAIR_OPTIONS as TCP_REPAIR_OPTIONS, TCP_REPAIR_QUEUE as
        TCP_REPAIR_QUEUE, TCP_REPAIR_WINDOW as TCP_REPAIR_WINDOW, TCP_SAVED_SYN as
        TCP_SAVED_SYN, TCP_SAVE_SYN as TCP_SAVE_SYN, TCP_THIN_DUPACK as TCP_THIN_DUPACK,
        TCP_THIN_LINEAR_TIMEOUTS as TCP_THIN_LINEAR_TIMEOUTS, TCP_TIMESTAMP as TCP_TIMESTAMP,
        TCP_TX_DELAY as TCP_TX_DELAY, TCP_ULP as TCP_ULP, TCP_ZEROCOPY_RECEIVE as
        TCP_ZEROCOPY_RECEIVE,
    )
if sys.version_info >= (3, 13):
    from _socket import (
        NI_IDN as NI_IDN, SO_BINDTOIFINDEX as SO_BINDTOIFINDEX,
    )
if sys.version_info < (3, 11):
    from _socket import (
        CAN_RAW_ERR_FILTER as CAN_RAW_ERR_FILTER,
    )
# fmt: on

__version__: str

_Rule: TypeAlias = str | tuple[str, str]

_own: list[str]
_CONNECT_TO: str

def _bind(namespace: dict[str, Any], /) -> None: ...
def _detour(rules: Sequence[_Rule], pages: int | None, /) -> None: ...
def _no_such_name(name: str, /) -> None: ...
def _port_holder(host: str, port: int, datagrams: bool, /) -> tuple[int, str] | None: ...
def _report_uncaught(exception: BaseException, /) -> None: ...

class SharedSocket(socket):
    def __init__(
        self,
        family: AddressFamily | int = -1,
        type: SocketKind | int = -1,
        proto: int = -1,
        fileno: int | None = None,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: Unused) -> None: ...
    def accept(self) -> tuple[SharedSocket, Any]: ...
    @property
    def family(self) -> AddressFamily: ...
    @property
    def type(self) -> SocketKind: ...
    def get_inheritable(self) -> bool: ...
    def set_inheritable(self, inheritable: bool) -> None: ...

# What a client connects to: a host and a port, a port of this machine, a path.
_Address: TypeAlias = int | tuple[str, int] | tuple[str, int, int, int] | StrOrBytesPath

@final
class IncompleteReadError(EOFError):
    def __new__(cls, message: str, partial: bytes, expected: int | None) -> Self: ...
    @property
    def partial(self) -> bytes: ...
    @property
    def expected(self) -> int | None: ...

@final
class LimitOverrunError(ValueError):
    def __new__(cls, message: str, limit: int) -> Self: ...
    @property
    def limit(self) -> int: ...

@disjoint_base
class TcpClient:
    def __new__(cls, address: _Address, timeout: float | None = 5.0) -> Self: ...
    @property
    def address(self) -> Any: ...
    @property
    def peer(self) -> Any: ...
    @property
    def timeout(self) -> float | None: ...
    @timeout.setter
    def timeout(self, value: float | None) -> None: ...
    @property
    def closed(self) -> bool: ...
    def fileno(self) -> int: ...
    def send(self, data: str | ReadableBuffer, /) -> int: ...
    def sendall(self, data: str | ReadableBuffer, /) -> None: ...
    def recv(self, n: int = 65536, /) -> bytes: ...
    def recv_exactly(self, n: int, /) -> bytes: ...
    def recv_until(self, delim: str | ReadableBuffer, limit: int = 65536) -> bytes: ...
    def recv_line(self, limit: int = 65536) -> bytes: ...
    def ask(self, data: str | ReadableBuffer, /) -> bytes: ...
    def talk(self, messages: Iterable[str | ReadableBuffer], /) -> list[bytes]: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> bytes: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: Unused) -> None: ...
    def close(self) -> None: ...

@disjoint_base
class UdpClient:
    def __new__(cls, address: _Address, timeout: float | None = 1.0, retries: int = 0) -> Self: ...
    @property
    def address(self) -> Any: ...
    @property
    def peer(self) -> Any: ...
    @property
    def timeout(self) -> float | None: ...
    @timeout.setter
    def timeout(self, value: float | None) -> None: ...
    @property
    def retries(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    def fileno(self) -> int: ...
    def ask(self, data: str | ReadableBuffer, /) -> bytes: ...
    def send(self, data: str | ReadableBuffer, /) -> int: ...
    def recv(self, n: int = 65535, /) -> bytes: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *args: Unused) -> None: ...
    def close(self) -> None: ...

@final
class Connection:
    # A program may give it attributes of its own.
    __dict__: dict[str, Any]
    @property
    def address(self) -> Any: ...
    def send(self, data: ReadableBuffer, /) -> bool: ...
    def close(self) -> None: ...

# What follows is for `_servers.py` and the files beside it, which say what the tuples hold.
@final
class StreamServer:
    def __new__(
        cls,
        place: tuple[Any, ...],
        service: tuple[Any, ...],
        report: Callable[[str, Any], object],
        all_of_it: bool,
        *,
        concurrency: str,
        event_threads: int,
        max_connections: int,
        idle_timeout: float | None,
        max_pending: int,
        backlog: int,
        reuse_port: bool,
        dualstack: bool,
    ) -> Self: ...
    def start(self) -> None: ...
    def stop(self, timeout: float | None) -> bool: ...
    def leave(self, timeout: float) -> None: ...
    def wait(self) -> None: ...
    @property
    def address(self) -> Any: ...
    @property
    def connections(self) -> int: ...
    @property
    def running(self) -> bool: ...
    @property
    def stats(self) -> dict[str, int]: ...

@final
class DatagramServer:
    def __new__(
        cls,
        place: tuple[Any, ...],
        reply: bytes | None,
        handler: Callable[[bytes, Any], ReadableBuffer | None] | None,
        tell: Callable[[Any], object] | None,
        *,
        max_message: int,
        reuse_port: bool,
        dualstack: bool,
    ) -> Self: ...
    def start(self) -> None: ...
    def stop(self, timeout: float | None) -> bool: ...
    def leave(self, timeout: float) -> None: ...
    def wait(self) -> None: ...
    @property
    def address(self) -> Any: ...
    @property
    def connections(self) -> int: ...
    @property
    def running(self) -> bool: ...
    @property
    def stats(self) -> dict[str, int]: ...

@final
class ListeningPlace:
    def duplicate(self) -> int: ...

def before_fork() -> None: ...
def after_fork() -> None: ...
def listen(
    place: tuple[Any, ...], *, backlog: int, reuse_port: bool, dualstack: bool
) -> ListeningPlace: ...

class FetchError(OSError):
    url: str | None
    # A Response; what comes from the core is a Fetched until the face has seen it.
    response: Any
    partial: bytes

class BadReplyError(FetchError): ...
class IncompleteReplyError(FetchError): ...
class TooLargeError(FetchError): ...
class RedirectError(FetchError): ...
class TlsError(FetchError): ...
class FetchTimeoutError(FetchError, TimeoutError): ...

# What follows is for `_fetch.py`.
@final
class HttpCore:
    def __new__(
        cls,
        verify: bool | str,
        connect_to: Sequence[_Rule],
        proxies: dict[str, str] | None,
        max_idle: int,
    ) -> Self: ...
    def fetch(
        self,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes | None]],
        body: bytes | None,
        timeout: float | None,
        read_timeout: float | None,
        redirects: int,
        max_body: int | None,
        max_head: int,
        decode: bool,
        keep_raw: bool,
        downgrade: bool,
        sink: Callable[[bytes], object] | int | None,
        progress: Callable[[int, int | None], object] | None,
    ) -> Fetched: ...
    def close(self) -> None: ...
    @property
    def idle(self) -> int: ...
    @property
    def closed(self) -> bool: ...

@final
class Fetched:
    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def headers(self) -> list[tuple[str, str]]: ...
    @property
    def head(self) -> bytes: ...
    @property
    def raw(self) -> bytes | None: ...
    @property
    def body(self) -> bytes: ...
    @property
    def trailers(self) -> list[tuple[str, str]]: ...
    @property
    def url(self) -> str: ...
    @property
    def history(self) -> list[Fetched]: ...
    @property
    def timings(
        self,
    ) -> tuple[float | None, float | None, float | None, float | None, float | None]: ...
    @property
    def request(self) -> bytes: ...
    def text(self) -> tuple[str, str]: ...
    def is_html(self) -> bool: ...
