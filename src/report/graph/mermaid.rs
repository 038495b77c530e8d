//! The graph as a flowchart of Mermaid, which GitHub and many editors draw.

use super::{Graph, Node};
use crate::report::safe;
use std::fmt::Write as _;

impl Graph {
    /// One statement a line.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TB\n");
        for (at, phase) in self.phases.iter().enumerate() {
            let _ = writeln!(text, "  subgraph phase{at}[\"{}. {}\"]", at + 1, label(&phase.name));
            for service in &phase.services {
                let _ = writeln!(text, "    service{}[\"{}\"]", service.number, label(&service.label()));
            }
            text.push_str("  end\n");
        }
        for (at, name) in self.externals.iter().enumerate() {
            let _ = writeln!(text, "  external{at}([\"{}\"])", label(name));
        }
        for (at, name) in self.gates.iter().enumerate() {
            let _ = writeln!(text, "  gate{at}{{{{\"{}\"}}}}", label(name));
        }
        for at in 1..self.phases.len() {
            let _ = writeln!(text, "  phase{} ==> phase{at}", at - 1);
        }
        for (gate, phase) in &self.before {
            let _ = writeln!(text, "  gate{gate} ==> phase{phase}");
        }
        for (gate, external) in &self.asks {
            let _ = writeln!(text, "  gate{gate} -.->|asks| external{external}");
        }
        for lean in &self.leans {
            let arrow = if lean.is_soft { "-.->" } else { "-->" };
            let to = match lean.to {
                Node::Service(at) => format!("service{at}"),
                Node::External(at) => format!("external{at}"),
            };
            let _ = writeln!(text, "  service{} {arrow}|{}| {to}", lean.from, lean.how);
        }
        text
    }
}

/// A text that can stand between the quotes of a label: Mermaid takes `#` and a number for a character, and some of HTML and of Markdown.
fn label(text: &str) -> String {
    safe::line(text).chars().fold(String::new(), |mut shown, char| {
        if char.is_alphanumeric() || " -_.,:;/()[]{}+=@!?".contains(char) {
            shown.push(char);
        } else {
            let _ = write!(shown, "#{};", u32::from(char));
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn no_label_can_end_its_quotes() {
        assert_eq!(label("brain-api (8001)"), "brain-api (8001)");
        assert_eq!(label("a\"b`c#d<e>&"), "a#34;b#96;c#35;d#60;e#62;#38;");
    }
}
