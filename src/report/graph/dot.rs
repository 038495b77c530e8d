//! The graph in Graphviz's language: `plan graph --format dot | dot -Tsvg`.

use super::{Graph, Node};
use crate::report::safe;
use std::fmt::Write as _;

impl Graph {
    /// One statement a line.
    pub fn dot(&self) -> String {
        let mut text = format!("digraph {} {{\n  rankdir=LR;\n  compound=true;\n  node [shape=box];\n", quoted(&self.title));
        for (at, phase) in self.phases.iter().enumerate() {
            let title = quoted(&format!("{}. {}", at + 1, phase.name));
            // A point that the arrows of the phase itself begin and end at.
            let _ = writeln!(text, "  subgraph cluster_phase{at} {{\n    label={title};\n    phase{at} [shape=point, style=invis];");
            for service in &phase.services {
                let _ = writeln!(text, "    service{} [label={}];", service.number, quoted(&service.label()));
            }
            text.push_str("  }\n");
        }
        for (at, name) in self.externals.iter().enumerate() {
            let _ = writeln!(text, "  external{at} [label={}, shape=cylinder];", quoted(name));
        }
        for (at, name) in self.gates.iter().enumerate() {
            let _ = writeln!(text, "  gate{at} [label={}, shape=hexagon];", quoted(name));
        }
        for at in 1..self.phases.len() {
            let before = at - 1;
            let _ = writeln!(text, "  phase{before} -> phase{at} [ltail=cluster_phase{before}, lhead=cluster_phase{at}, style=bold];");
        }
        for (gate, phase) in &self.before {
            let _ = writeln!(text, "  gate{gate} -> phase{phase} [lhead=cluster_phase{phase}, style=bold];");
        }
        for (gate, external) in &self.asks {
            let _ = writeln!(text, "  gate{gate} -> external{external} [label=\"asks\", style=dotted];");
        }
        for lean in &self.leans {
            let style = if lean.is_soft { ", style=dashed" } else { "" };
            let to = match lean.to {
                Node::Service(at) => format!("service{at}"),
                Node::External(at) => format!("external{at}"),
            };
            let _ = writeln!(text, "  service{} -> {to} [label={}{style}];", lean.from, quoted(&lean.how));
        }
        text.push_str("}\n");
        text
    }
}

/// A string of Graphviz. A backslash would begin one of its own escapes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", safe::line(text).replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_name_can_end_its_quotes() {
        assert_eq!(quoted("a\"b\\"), "\"a\\\"b\\\\\"");
        assert_eq!(quoted("graph"), "\"graph\"");
    }
}
