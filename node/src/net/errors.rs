//! What libp2p says when a peer is not reached, as a state a person can act on.

use std::error::Error;
use std::io;

use libp2p_connection_limits::Exceeded;
use libp2p_swarm::DialError;

use super::board::State;

/// The state of a peer that could not be dialled.
pub(super) fn state_of(error: &DialError) -> State {
    match error {
        DialError::WrongPeerId { .. } | DialError::LocalPeerId { .. } => State::SomebodyElse,
        DialError::Transport(tried) => {
            let states: Vec<State> = tried.iter().map(|(_, why)| of_chain(why)).collect();
            // What says most: who answered wrongly, before who did not answer.
            let told = states.iter().find(|state| !matches!(state, State::Unreachable(_)));
            told.or(states.first()).cloned().unwrap_or(State::Unreachable("no address".into()))
        }
        DialError::Denied { cause } if cause.downcast_ref::<Exceeded>().is_some() => {
            State::Unreachable("all `links` of run.toml are taken here: raise that number".into())
        }
        DialError::Denied { .. } | DialError::DialPeerConditionFalse(_) => State::Waiting,
        DialError::NoAddresses => State::Unreachable("no address".into()),
        DialError::Aborted => State::Broke,
    }
}

fn of_chain(error: &(dyn Error + 'static)) -> State {
    let mut at = Some(error);
    let mut kind = None;
    while let Some(error) = at {
        if error.is::<libp2p_noise::Error>() || error.is::<libp2p_core::upgrade::NegotiationError>()
        {
            // The connection was there, the handshake failed; a link that was lost says so below.
            let lost = error.source().and_then(|why| why.downcast_ref::<io::Error>());
            let cut = lost.is_some_and(|why| is_cut(why.kind()));
            return if cut { State::Broke } else { State::WrongFederation };
        }
        kind = number(&error.to_string()).or(kind);
        // What an I/O error is made of is not its source, but inside.
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        at = match inside {
            Some(inside) => Some(inside),
            None => error.source(),
        };
    }
    State::Unreachable(reason(kind).into())
}

/// The kind of the system's error that a text ends with. Either of two errors hides which one it is, and prints it.
fn number(text: &str) -> Option<io::ErrorKind> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    let number = rest.split(')').next()?.parse().ok()?;
    Some(io::Error::from_raw_os_error(number).kind())
}

const fn is_cut(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

const fn reason(kind: Option<io::ErrorKind>) -> &'static str {
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => "nobody listens there",
        Some(io::ErrorKind::TimedOut) => "no answer in time",
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => "no way there",
        Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
            "the connection was closed"
        }
        _ => "no connection",
    }
}

/// The last of a chain of errors, in words.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_system_s_reason_is_found_inside() {
        let refused = io::Error::other(io::Error::from_raw_os_error(111).to_string());
        assert_eq!(of_chain(&refused), State::Unreachable("nobody listens there".into()));
        let nowhere = io::Error::other(io::Error::from_raw_os_error(113));
        assert_eq!(of_chain(&nowhere), State::Unreachable("no way there".into()));
        let odd = io::Error::other("(os error x)");
        assert_eq!(of_chain(&odd), State::Unreachable("no connection".into()));
    }
}
