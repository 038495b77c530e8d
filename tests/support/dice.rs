//! Numbers that are all over the place and the same every time.

/// A generator; any seed but 0.
pub struct Dice(pub u64);

impl Dice {
    /// A number below this one.
    pub fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }

    /// One of these.
    pub fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())].clone()
    }
}

/// Draws so many cases and holds each against a rule, which says in a word what it came to; gives the words. A case that does not hold is shown.
pub fn each<T: std::fmt::Debug + std::panic::RefUnwindSafe>(
    seed: u64,
    times: usize,
    draw: impl Fn(&mut Dice) -> T,
    holds: impl Fn(&T) -> &'static str + std::panic::RefUnwindSafe,
) -> std::collections::BTreeSet<&'static str> {
    let mut dice = Dice(seed);
    let one = |at| {
        let drawn = draw(&mut dice);
        std::panic::catch_unwind(|| holds(&drawn)).unwrap_or_else(|_| panic!("{at}: {drawn:#?}"))
    };
    (0..times).map(one).collect()
}
