//! Every order in which blocks can arrive gives one state.
//!
//! Each branch arrives in its own order; between branches anything goes. The points on the way form a lattice, and it is
//! enough that each point has one state, whichever neighbour it is entered from: then all paths to it agree.

use super::row::Row;
use super::sums::Sums;
use super::world::{FEEDS, Name, World};

/// Where two orders disagree, if they do.
pub(super) fn differ(row: &Row, world: &World) -> Option<String> {
    let feeds = 0..FEEDS;
    let branches = feeds.flat_map(|feed| (0..world.branches(feed)).map(move |b| (feed, b)));
    let chains: Vec<Vec<Name>> = branches
        .map(|(feed, branch)| world.own(feed, branch).collect::<Vec<_>>())
        .filter(|chain| !chain.is_empty())
        .collect();
    let points = chains.iter().map(|chain| chain.len() + 1).product();
    let mut at: Vec<Option<Sums>> = vec![None; points];
    at[0] = Some(Sums::new(row, world, world.epoch));
    for point in 0..points {
        // Lower neighbours have smaller numbers, so this one was entered.
        let here = at[point]?;
        let (mut digits, mut stride) = (point, 1);
        for chain in &chains {
            let length = chain.len() + 1;
            if let Some(name) = chain.get(digits % length) {
                let mut then = here;
                then.learn(row, world, *name);
                match at[point + stride] {
                    Some(other) if other != then => {
                        return Some(format!("two orders of delivery, two states, at {name}"));
                    }
                    Some(_) => {}
                    None => at[point + stride] = Some(then),
                }
            }
            digits /= length;
            stride *= length;
        }
    }
    None
}
