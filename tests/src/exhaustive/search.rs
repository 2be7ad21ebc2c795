//! Breadth first, so the first trace that breaks something is a shortest one.

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

/// Something that can be searched exhaustively.
pub(super) trait Model {
    type State;
    type Step: Display;

    fn start(&self) -> Self::State;
    /// Every step that can be taken, always in the same order.
    fn next(&self, state: &Self::State, out: &mut Vec<(Self::Step, Self::State)>);
    /// What a state breaks, if anything. `number` is the order in which states were found, from zero.
    fn broken(&self, state: &Self::State, depth: u8, number: usize) -> Option<String>;
    fn pack(&self, state: &Self::State, out: &mut Vec<u8>);
    fn unpack(&self, bytes: &[u8]) -> Self::State;
    /// Another state that may stand for this one.
    fn twin(&self, state: &Self::State) -> Option<Self::State>;
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// States found, each checked.
    pub states: usize,
    /// Every state that can be reached in so many steps was found and checked.
    pub complete: u8,
    /// Whether that is every state there is.
    pub all: bool,
    /// What was broken and by which steps, none fewer.
    pub broken: Option<(String, Vec<String>)>,
}

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// States of one row.
    pub states: usize,
    /// Steps.
    pub depth: u8,
}

/// States are told apart by 128 bits: among ten million, two alike by chance are one in 10²⁴.
fn mark(bytes: &[u8]) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(salt);
        hasher.write(bytes);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

/// Marks are hashes already.
#[derive(Default)]
struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("only marks are kept");
    }
    fn write_u128(&mut self, mark: u128) {
        self.0 = mark as u64;
    }
}

/// States of one depth, end to end in one buffer.
#[derive(Default)]
struct Layer {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Layer {
    fn get(&self, n: usize) -> &[u8] {
        let from = if n == 0 { 0 } else { self.ends[n - 1] as usize };
        &self.bytes[from..self.ends[n] as usize]
    }
}

struct Search<'a, M: Model> {
    model: &'a M,
    marks: HashSet<u128, BuildHasherDefault<Taken>>,
    /// For each state: the state it was found from, and by which of its steps.
    parents: Vec<(u32, u16)>,
    packed: Vec<u8>,
    other: Vec<u8>,
}

impl<M: Model> Search<'_, M> {
    /// Whether the state is new. Leaves it packed.
    fn is_new(&mut self, state: &M::State) -> bool {
        self.packed.clear();
        self.model.pack(state, &mut self.packed);
        let mut least = mark(&self.packed);
        if let Some(twin) = self.model.twin(state) {
            self.other.clear();
            self.model.pack(&twin, &mut self.other);
            least = least.min(mark(&self.other));
        }
        self.marks.insert(least)
    }

    /// The steps to a state, taken again from the start: none was written down.
    fn trace(&self, mut state: usize) -> Vec<String> {
        let mut steps = Vec::new();
        while state != 0 {
            let (parent, step) = self.parents[state];
            steps.push(step as usize);
            state = parent as usize;
        }
        let (mut at, mut next) = (self.model.start(), Vec::new());
        let again = |step: usize| {
            self.model.next(&at, &mut next);
            let (step, after) = next.swap_remove(step);
            next.clear();
            at = after;
            step.to_string()
        };
        steps.into_iter().rev().map(again).collect()
    }

    fn done(&self, complete: u8, all: bool, broken: Option<(String, Vec<String>)>) -> Outcome {
        Outcome { states: self.parents.len(), complete, all, broken }
    }
}

/// Searches until something breaks, nothing is left, or a limit is met.
pub(super) fn search<M: Model>(model: &M, limits: Limits) -> Outcome {
    let mut search = Search {
        model,
        marks: HashSet::default(),
        parents: vec![(0, 0)],
        packed: Vec::new(),
        other: Vec::new(),
    };
    let start = model.start();
    search.is_new(&start);
    if let Some(broken) = model.broken(&start, 0, 0) {
        return search.done(0, false, Some((broken, Vec::new())));
    }
    let mut layer = Layer { ends: vec![search.packed.len() as u32], bytes: search.packed.clone() };
    let mut next = Vec::new();
    for depth in 0..limits.depth {
        let first = search.parents.len() - layer.ends.len();
        let mut after = Layer::default();
        for n in 0..layer.ends.len() {
            model.next(&model.unpack(layer.get(n)), &mut next);
            for (step, (_, state)) in next.drain(..).enumerate() {
                if !search.is_new(&state) {
                    continue;
                }
                if search.parents.len() >= limits.states {
                    return search.done(depth, false, None);
                }
                let number = search.parents.len();
                search.parents.push(((first + n) as u32, step as u16));
                after.bytes.extend(&search.packed);
                after.ends.push(after.bytes.len() as u32);
                if let Some(broken) = model.broken(&state, depth + 1, number) {
                    let trace = search.trace(number);
                    return search.done(depth, false, Some((broken, trace)));
                }
            }
        }
        if after.ends.is_empty() {
            return search.done(depth, true, None);
        }
        layer = after;
    }
    search.done(limits.depth, false, None)
}
