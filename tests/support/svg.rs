//! A picture of a terminal: text with colours as an SVG that needs no font but a monospaced one. Each piece stands at its own column and has its
//! length, so that it looks the same in whatever font there is.

use std::fmt::Write as _;

/// Width and height of a character, and what is left around the text.
const COLUMN: f64 = 8.4;
const ROW: f64 = 19.0;
const MARGIN: f64 = 16.0;
/// Height of the bar above it.
const BAR: f64 = 34.0;

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    is_bold: bool,
    is_dim: bool,
    colour: Option<u8>,
}

/// Text that stands at a column in one look.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    column: usize,
    look: Look,
    text: String,
}

/// The picture of `text`, which has the escape sequences of colours and of going right, below a bar with `title`.
pub fn picture(title: &str, text: &str) -> String {
    let lines: Vec<Vec<Piece>> = text.lines().map(pieces).collect();
    let columns = lines.iter().flatten().map(|piece| piece.column + piece.text.chars().count()).max().unwrap_or_default().max(60);
    let (width, height) = (MARGIN * 2.0 + COLUMN * count(columns), BAR + MARGIN + ROW * count(lines.len()));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n\
         <g fill=\"#3b404b\"><circle cx=\"20\" cy=\"17\" r=\"6\"/><circle cx=\"40\" cy=\"17\" r=\"6\"/><circle cx=\"60\" cy=\"17\" r=\"6\"/></g>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" fill=\"#d7dae0\" xml:space=\"preserve\">\n\
         <text x=\"80\" y=\"22\" fill=\"#8b919e\">{}</text>\n",
        escaped(title),
        escaped(title)
    );
    for (row, line) in lines.iter().enumerate() {
        let y = BAR + ROW * (count(row) + 0.8);
        for piece in line.iter().filter(|piece| !piece.text.trim().is_empty()) {
            let (x, length) = (MARGIN + COLUMN * count(piece.column), COLUMN * count(piece.text.chars().count()));
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\"{}>{}</text>",
                attributes(piece.look),
                escaped(&piece.text)
            );
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a terminal is not that large"))
}

fn attributes(look: Look) -> String {
    let colour = match look.colour {
        Some(1) => " fill=\"#ff6b68\"",
        Some(2) => " fill=\"#7ec97e\"",
        Some(3) => " fill=\"#e5c07b\"",
        Some(4) => " fill=\"#6ea8fe\"",
        Some(6) => " fill=\"#56c7d0\"",
        None if look.is_dim => " fill=\"#8b919e\"",
        None => "",
        Some(other) => panic!("colour {other} is none that we use"),
    };
    format!("{}{colour}", if look.is_bold { " font-weight=\"bold\"" } else { "" })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A line taken apart at its escape sequences; blanks at the ends of a piece are only places.
fn pieces(line: &str) -> Vec<Piece> {
    let (mut found, mut look, mut column) = (Vec::<Piece>::new(), Look::default(), 0);
    let mut rest = line;
    while let Some(char) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\u{1b}[") {
            let end = sequence.find(|char: char| char.is_ascii_alphabetic()).expect("a sequence ends");
            let (parameters, last) = (&sequence[..end], &sequence[end..=end]);
            let numbers: Vec<usize> = parameters.split(';').map(|number| number.parse().unwrap_or(0)).collect();
            match last {
                "m" => numbers.iter().for_each(|number| changed(&mut look, *number)),
                "C" => column += numbers[0].max(1),
                // To the end of the line there is nothing.
                "K" => {}
                other => panic!("a sequence that ends in {other} in {line:?}"),
            }
            rest = &sequence[end + 1..];
            continue;
        }
        match found.last_mut() {
            Some(piece) if piece.look == look && piece.column + piece.text.chars().count() == column => piece.text.push(char),
            _ => found.push(Piece { column, look, text: char.to_string() }),
        }
        column += 1;
        rest = &rest[char.len_utf8()..];
    }
    for piece in &mut found {
        let blanks = piece.text.chars().take_while(|char| *char == ' ').count();
        piece.column += blanks;
        piece.text = piece.text.trim().to_owned();
    }
    found
}

fn changed(look: &mut Look, number: usize) {
    match number {
        0 => *look = Look::default(),
        1 => look.is_bold = true,
        2 => look.is_dim = true,
        22 => (look.is_bold, look.is_dim) = (false, false),
        30..=37 => look.colour = u8::try_from(number - 30).ok(),
        39 => look.colour = None,
        other => panic!("look {other} is none that we use"),
    }
}

#[test]
fn a_line_is_taken_apart_where_its_look_changes() {
    let shown = pieces("  \u{1b}[32mverified\u{1b}[0m\u{1b}[3C4/4");
    let green = Look { colour: Some(2), ..Look::default() };
    let at = |column: usize, look: Look, text: &str| Piece { column, look, text: text.to_owned() };
    let texts: Vec<Piece> = shown.into_iter().filter(|piece| !piece.text.is_empty()).collect();
    assert_eq!(texts, [at(2, green, "verified"), at(13, Look::default(), "4/4")]);
}
