//! A graph as Mermaid.

use std::fmt::Write as _;

use super::{EdgeKind, Graph, Node, NodeKind};

pub(super) fn draw(graph: &Graph) -> String {
    let mut text = "flowchart TD\n".to_owned();
    for (nth, file) in graph.files.iter().enumerate() {
        let mut title = file.title.clone();
        if let Some(event) = &file.event {
            title.push_str(&format!(", event {event}"));
        }
        let _ = writeln!(text, "  subgraph f{nth}[\"{}\"]", escaped(&title));
        within(graph, nth, None, 2, &mut text);
        text.push_str("  end\n");
    }
    for (nth, node) in graph.nodes.iter().enumerate() {
        if node.kind == NodeKind::Semaphore {
            let _ = writeln!(text, "  {}", shape(nth, node));
        }
    }
    for edge in &graph.edges {
        let arrow = match edge.kind {
            EdgeKind::Next => "-->",
            EdgeKind::Fork => "==>",
            EdgeKind::Error | EdgeKind::Holds | EdgeKind::Calls => "-.->",
        };
        let label = match &edge.label {
            Some(label) => format!("|\"{}\"|", escaped(label)),
            None => String::new(),
        };
        let _ = writeln!(text, "  n{} {arrow}{label} n{}", edge.from, edge.to);
    }
    text.push_str("  classDef semaphore fill:#fef3c7,stroke:#d97706,color:#000\n");
    let semaphores: Vec<String> = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind == NodeKind::Semaphore)
        .map(|(nth, _)| format!("n{nth}"))
        .collect();
    if !semaphores.is_empty() {
        let _ = writeln!(text, "  class {} semaphore", semaphores.join(","));
    }
    text
}

/// The nodes and groups of a file, or of a group of it.
fn within(graph: &Graph, file: usize, group: Option<usize>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for (nth, node) in graph.nodes.iter().enumerate() {
        if node.file == Some(file) && node.group == group {
            let _ = writeln!(text, "{indent}{}", shape(nth, node));
        }
    }
    for (nth, inner) in graph.groups.iter().enumerate() {
        if inner.file == file && inner.group == group {
            let title = escaped(&inner.title);
            let _ = writeln!(text, "{indent}subgraph g{nth}[\"{title}\"]");
            within(graph, file, Some(nth), depth + 1, text);
            let _ = writeln!(text, "{indent}end");
        }
    }
}

fn shape(nth: usize, node: &Node) -> String {
    let (open, close) = match node.kind {
        NodeKind::Start => ("([", "])"),
        NodeKind::Op => ("[", "]"),
        NodeKind::Condition => ("{", "}"),
        NodeKind::Loop => ("{{", "}}"),
        NodeKind::Call => ("[[", "]]"),
        NodeKind::Join => ("((", "))"),
        NodeKind::Semaphore => ("[(", ")]"),
    };
    let lines: Vec<String> = node.label.iter().map(|line| escaped(line)).collect();
    format!("n{nth}{open}\"{}\"{close}", lines.join("<br/>"))
}

/// A text within quotes. What could end the quotes, be HTML or mean something in Markdown is written as its number.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        let is_plain = c.is_alphanumeric() || " _/:,(){}=.?$-+…".contains(c);
        // At the beginning, these make a list.
        let begins = escaped.is_empty() && "-+".contains(c);
        let numbers =
            c == '.' && !escaped.is_empty() && escaped.chars().all(|c| c.is_ascii_digit());
        match is_plain && !begins && !numbers {
            true => escaped.push(c),
            false => {
                let _ = write!(escaped, "#{};", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_text_leaves_its_quotes() {
        assert_eq!(escaped("shell: make ${x}"), "shell: make ${x}");
        assert_eq!(
            escaped("\"]; click n0 call x()`<b>#1;"),
            "#34;#93;#59; click n0 call x()#96;#60;b#62;#35;1#59;"
        );
        assert_eq!(escaped("1. first"), "1#46; first");
        assert_eq!(escaped("- first"), "#45; first");
    }
}
