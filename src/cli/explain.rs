//! `plan explain`: what a code means.

use super::args::Explain;
use super::look::complain;
use crate::diagnostic::{Code, nearest};
use crate::report::{self, page};

/// Columns of a page at most: longer lines are hard to read.
const WIDTH: usize = 100;

/// `plan explain`. 0 when it was explained, 2 when there is no such code.
pub(super) fn explain(args: &Explain) -> u8 {
    let (colour, _) = args.display.colour();
    let Some(written) = &args.code else {
        report::to_stdout(&page::list(colour));
        return 0;
    };
    let Some(code) = code(written) else {
        complain(&args.display, &format!("no finding has the code `{written}`"), &remedy(written));
        return 2;
    };
    report::to_stdout(&page::page(code, report::terminal::columns_of_stdout().unwrap_or(WIDTH).clamp(40, WIDTH), colour));
    0
}

/// The code that is written so, in any case.
fn code(written: &str) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| code.as_str().eq_ignore_ascii_case(written))
}

/// What to type instead. Of a number that is too short or too long, zeros are the most likely to be missing or too many.
fn remedy(written: &str) -> String {
    let upper = written.trim().to_ascii_uppercase();
    let digits = upper.trim_start_matches(['E', 'W']);
    let letters = if upper.starts_with('W') { ["W", "E"] } else { ["E", "W"] };
    let by_number = digits.parse::<u16>().ok().and_then(|number| letters.iter().find_map(|letter| code(&format!("{letter}{number:04}"))));
    let near = by_number.map(Code::as_str).or_else(|| nearest(&upper, Code::ALL.iter().map(|code| code.as_str())));
    let list = "plan explain --list".to_owned();
    near.map_or(list.clone(), |near| format!("did you mean {near}? plan explain {near}\n{list}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_any_case_and_near_ones_are_offered() {
        assert_eq!((code("e0505"), code("E0505"), code("W0501")), (Some(Code::PortClash), Some(Code::PortClash), Some(Code::Unasserted)));
        assert_eq!(code("E203"), None);
        for (written, near) in [
            ("e203", "E0203"),
            ("0505", "E0505"),
            ("E00505", "E0505"),
            ("W505", "W0505"),
            ("W405", "E0405"),
            ("EO505", "E0505"),
            ("301", "E0301"),
        ] {
            assert!(remedy(written).starts_with(&format!("did you mean {near}?")), "{written}: {}", remedy(written));
        }
        assert_eq!(remedy("port-clash"), "plan explain --list");
    }
}
