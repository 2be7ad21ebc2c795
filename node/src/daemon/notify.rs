//! Tells a service manager how it stands: the few words of `sd_notify(3)` that are needed, in its own datagrams.

/// This node serves.
pub(super) const READY: &str = "READY=1";
/// This node is stopping.
pub(super) const STOPPING: &str = "STOPPING=1";

/// Says something to the service manager; where there is none, to nobody.
#[cfg(target_os = "linux")]
pub(super) fn tell(what: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    let Some(place) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match place.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&place),
    };
    // Who does not hear it will ask `annona status`; a node does not stop for that.
    let said = UnixDatagram::unbound()
        .and_then(|socket| address.and_then(|to| socket.send_to_addr(what.as_bytes(), &to)));
    drop(said);
}

/// Says something to the service manager: on this system there is none.
#[cfg(not(target_os = "linux"))]
pub(super) fn tell(_: &str) {}
