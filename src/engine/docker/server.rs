//! `expect server`: what is left of its disk and memory.

use super::{Ask, Told, why_not};
use crate::engine::{Answer, Reading, Room, Sample};
use crate::model::{Free, ServerAssertion};

/// One sample of the server.
pub(super) fn sample(told: &Told, assertions: &[ServerAssertion]) -> Sample {
    let expected = || assertions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (disk, memory) = match told.answers.get(&Ask::Server) {
        Some(Answer::Server { disk, memory }) => (*disk, *memory),
        other => return told.sample(Reading::Error, expected(), format!("the server cannot be asked: {}", why_not(other))),
    };
    let mut seen = Vec::new();
    for assertion in assertions {
        let (what, room, free): (_, _, &Free) = match assertion {
            ServerAssertion::DiskFree(free) => ("disk", disk, free),
            ServerAssertion::MemoryFree(free) => ("memory", memory, free),
        };
        let Some(room) = room else {
            return told.sample(Reading::Error, assertion.to_string(), format!("Dokploy does not say how much {what} is free"));
        };
        let actual = format!("{what}: {} of {} are free", size(room.free), size(room.total));
        if !free.holds(room.free, room.total) {
            return told.sample(Reading::Fail, assertion.to_string(), actual);
        }
        seen.push(actual);
    }
    told.sample(Reading::Pass, expected(), seen.join(", "))
}

/// Bytes for people, cut and never rounded up: what is not there is not promised.
fn size(bytes: u64) -> String {
    for (power, name) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let tenths = (u128::from(bytes) * 10) >> power;
        if tenths >= 10 {
            return format!("{}.{} {name}", tenths / 10, tenths % 10);
        }
    }
    format!("{bytes} B")
}

impl Room {
    /// Of `total` bytes `used` are in use; `None` where the numbers cannot be.
    pub fn of(total: u64, used: u64) -> Option<Self> {
        Some(Self { free: total.checked_sub(used)?, total }).filter(|room| room.total > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Moment;
    use crate::model::{Amount, Comparison};
    use std::collections::BTreeMap;

    fn told(answer: Option<Answer>) -> Told {
        let answers = answer.map(|answer| (Ask::Server, answer)).into_iter().collect::<BTreeMap<_, _>>();
        Told { now: Moment::START, started: Moment::START, answers }
    }

    fn wanted(bytes: u64) -> Vec<ServerAssertion> {
        let free = Free { comparison: Comparison::Greater, written: "10GiB".to_owned(), amount: Amount::Bytes(bytes) };
        vec![ServerAssertion::DiskFree(free)]
    }

    #[test]
    fn what_is_left_passes_or_fails_and_what_is_not_told_is_an_error() {
        let answer = |disk| Some(Answer::Server { disk, memory: None });
        let reading = |answer| sample(&told(answer), &wanted(10 << 30)).reading;
        assert_eq!(reading(answer(Room::of(100 << 30, 80 << 30))), Reading::Pass);
        assert_eq!(reading(answer(Room::of(100 << 30, 95 << 30))), Reading::Fail);
        assert_eq!(reading(answer(None)), Reading::Error);
        assert_eq!(reading(None), Reading::Error);
        assert_eq!(reading(Some(Answer::Stopped)), Reading::Error);
    }

    #[test]
    fn numbers_that_cannot_be_are_none() {
        assert_eq!((Room::of(0, 0), Room::of(5, 6)), (None, None));
        assert_eq!(Room::of(5, 5), Some(Room { free: 0, total: 5 }));
    }

    #[test]
    fn sizes_are_never_rounded_up() {
        assert_eq!([size(10 << 30), size((10 << 30) - 1), size(1536), size(7)], ["10.0 GiB", "9.9 GiB", "1.5 KiB", "7 B"]);
    }
}
