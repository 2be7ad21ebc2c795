//! Expiry under a wrong clock, a model of its own: time enters no balance. Two sites have the right time and the third is
//! years ahead. May a clock that is wrong at one site stop food at another?

use std::fmt;

use super::search::Model;

const EXPIRES: u8 = 4;
const AHEAD: u8 = 9;
const LAST: u8 = 6;

/// By what an entitlement expires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Clock {
    /// The author's own stamp.
    Wall,
    /// The hybrid logical clock, which runs ahead with the fastest site ever heard of.
    Hybrid,
}

#[derive(Clone, Copy)]
pub(super) struct State {
    now: u8,
    hybrid: [u8; 3],
    refused: [bool; 3],
}

pub(super) enum Step {
    Tick,
    Redeem(usize),
    Sync(usize, usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = |n: usize| ["A", "B", "C"][n];
        match *self {
            Self::Tick => write!(f, "time passes"),
            Self::Redeem(at) => write!(f, "{} is asked to redeem", site(at)),
            Self::Sync(from, to) => write!(f, "{} hears from {}", site(to), site(from)),
        }
    }
}

impl Model for Clock {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State { now: 0, hybrid: [0; 3], refused: [false; 3] }
    }

    fn next(&self, state: &State, out: &mut Vec<(Step, State)>) {
        if state.now < LAST {
            out.push((Step::Tick, State { now: state.now + 1, ..*state }));
        }
        for at in 0..3 {
            let wall = if at == 2 { state.now + AHEAD } else { state.now };
            let mut after = *state;
            after.hybrid[at] = state.hybrid[at].max(wall);
            let stamp = if *self == Self::Wall { wall } else { after.hybrid[at] };
            after.refused[at] |= stamp > EXPIRES;
            out.push((Step::Redeem(at), after));
            for from in (0..3).filter(|from| *from != at) {
                let mut after = *state;
                after.hybrid[at] = state.hybrid[at].max(state.hybrid[from]);
                out.push((Step::Sync(from, at), after));
            }
        }
    }

    fn broken(&self, state: &State, _: u8, _: usize) -> Option<String> {
        let early = state.now <= EXPIRES && (state.refused[0] || state.refused[1]);
        early.then(|| "a site with the right time refuses food that has not expired".to_owned())
    }

    fn pack(&self, state: &State, out: &mut Vec<u8>) {
        out.push(state.now);
        out.extend(state.hybrid);
        out.extend(state.refused.map(u8::from));
    }

    fn unpack(&self, bytes: &[u8]) -> State {
        let hybrid = [bytes[1], bytes[2], bytes[3]];
        State { now: bytes[0], hybrid, refused: [4, 5, 6].map(|n: usize| bytes[n] != 0) }
    }

    fn twin(&self, _: &State) -> Option<State> {
        None
    }
}
