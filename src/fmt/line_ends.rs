//! How many lines lie between two places of a text.

/// Where the lines of a text end. As in the grammar, `\n`, `\r\n` and a `\r` alone each end one.
pub(super) struct LineEnds(Vec<usize>);

impl LineEnds {
    /// Those of a text.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = |at: &usize| bytes[*at] == b'\n' || bytes[*at] == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        Self((0..bytes.len()).filter(ends).collect())
    }

    /// How many lie from `start` on and before `end`.
    pub(super) fn between(&self, start: usize, end: usize) -> usize {
        let before = |place: usize| self.0.partition_point(|at| *at < place);
        before(end).saturating_sub(before(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_end_a_line_counts_once() {
        let text = "a\nb\r\nc\rd";
        let ends = LineEnds::of(text);
        assert_eq!(ends.between(0, text.len()), 3);
        assert_eq!((ends.between(0, 1), ends.between(0, 2), ends.between(2, 5), ends.between(5, 5)), (0, 1, 1, 0));
    }
}
