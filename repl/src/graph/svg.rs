//! A graph as a picture.

use std::panic::catch_unwind;

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;
use unicode_width::UnicodeWidthStr;

use super::{Edge, EdgeKind, Graph, NodeKind};

/// The most nodes: more take long, and nobody reads them.
const MOST_NODES: usize = 500;

/// The size of the font, and how much room a column and a line of text need, in pixels.
const FONT: usize = 14;
const COLUMN: f64 = 8.5;
const LINE: f64 = 18.0;
const PADDING: f64 = 16.0;

/// The picture.
///
/// # Errors
///
/// Says that the graph is too large, or that there is no layout for it.
pub(super) fn draw(graph: &Graph) -> Result<String, String> {
    if graph.nodes.len() > MOST_NODES {
        return Err(format!(
            "the picture would have {} nodes, and {MOST_NODES} are the most: draw parts of it, or use --format mermaid",
            graph.nodes.len()
        ));
    }
    // Of some graphs the library finds, by an assertion of its own, that its last steps went wrong. Without them the picture
    // is less tidy.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let drawn = [false, true]
        .into_iter()
        .find_map(|is_simple| catch_unwind(|| laid_out(graph, is_simple)).ok());
    std::panic::set_hook(hook);
    drawn.ok_or_else(|| "there is no layout for this graph; use --format mermaid".to_owned())
}

/// `is_simple`: without the steps that make it tidy.
fn laid_out(graph: &Graph, is_simple: bool) -> String {
    let mut picture = VisualGraph::new(Orientation::TopToBottom);
    let handles: Vec<_> = graph
        .nodes
        .iter()
        .map(|node| {
            let columns = node.label.iter().map(|line| line.width()).max();
            let size = Point::new(
                columns.unwrap_or(0) as f64 * COLUMN + PADDING,
                node.label.len() as f64 * LINE + PADDING,
            );
            let label = node.label.join("\n");
            let (colour, rounded) = match node.kind {
                NodeKind::Start => ("#e5e7eb", 15),
                NodeKind::Op => ("#ffffff", 0),
                NodeKind::Condition => ("#dbeafe", 8),
                NodeKind::Loop => ("#e0e7ff", 8),
                NodeKind::Call => ("#ede9fe", 0),
                NodeKind::Join => ("#f3f4f6", 15),
                NodeKind::Semaphore => ("#fef3c7", 12),
            };
            let shape = match node.kind {
                NodeKind::Semaphore => ShapeKind::new_double_circle(&label),
                _ => ShapeKind::new_box(&label),
            };
            let look = StyleAttr::new(black(), 1, colour_of(colour), rounded, FONT);
            picture.add_node(Element::create(shape, look, Orientation::TopToBottom, size))
        })
        .collect();
    for (edge, both) in merged(&graph.edges) {
        let style = match edge.kind {
            EdgeKind::Next | EdgeKind::Fork => LineStyleKind::Normal,
            EdgeKind::Error | EdgeKind::Holds | EdgeKind::Calls => LineStyleKind::Dashed,
        };
        let width = if edge.kind == EdgeKind::Fork { 2 } else { 1 };
        let look = StyleAttr::new(black(), width, None, 0, FONT);
        let start = if both {
            LineEndKind::Arrow
        } else {
            LineEndKind::None
        };
        let label = edge.label.as_deref().unwrap_or_default();
        let arrow = Arrow::new(start, LineEndKind::Arrow, style, label, &look, &None, &None);
        picture.add_edge(arrow, handles[edge.from], handles[edge.to]);
    }
    let mut writer = SVGWriter::new();
    picture.do_it(false, false, is_simple, &mut writer);
    writer.finalize() + "\n"
}

/// The edges, with one between two nodes: the layout takes no more. Says of each whether it goes both ways.
fn merged(edges: &[Edge]) -> Vec<(Edge, bool)> {
    let mut merged: Vec<(Edge, bool)> = Vec::new();
    for edge in edges {
        let same = |(known, _): &&mut (Edge, bool)| {
            let (there, back) = ((edge.from, edge.to), (edge.to, edge.from));
            [there, back].contains(&(known.from, known.to))
        };
        let Some((known, both)) = merged.iter_mut().find(same) else {
            merged.push((edge.clone(), false));
            continue;
        };
        *both |= known.from != edge.from;
        known.label = match (known.label.take(), &edge.label) {
            (Some(one), Some(other)) => Some(format!("{one}, {other}")),
            (one, other) => one.or(other.clone()),
        };
    }
    merged
}

fn black() -> Color {
    Color::new(0x0000_00ff)
}

fn colour_of(web: &str) -> Option<Color> {
    let rgb = u32::from_str_radix(web.trim_start_matches('#'), 16).ok()?;
    Some(Color::new(rgb << 8 | 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Node;

    /// Graphs with edges between any nodes: there and back, to themselves, and several between two.
    #[test]
    fn no_graph_makes_the_layout_fail() {
        let mut state = 7_usize;
        let mut random = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let nodes = 1 + random(25);
            let mut graph = Graph::default();
            for nth in 0..nodes {
                graph.nodes.push(Node {
                    kind: NodeKind::Op,
                    label: vec![format!("<op> {nth}"); 1 + random(3)],
                    file: Some(0),
                    line: None,
                    group: None,
                });
            }
            for _ in 0..random(3 * nodes) {
                graph.edges.push(Edge {
                    from: random(nodes),
                    to: random(nodes),
                    kind: [EdgeKind::Next, EdgeKind::Fork, EdgeKind::Holds][random(3)],
                    label: (random(2) == 0).then(|| "a & b".to_owned()),
                });
            }
            let picture = draw(&graph).unwrap();
            assert!(picture.contains("&lt;op&gt; 0") && picture.ends_with("</svg>\n"));
        }
    }

    #[test]
    fn a_picture_that_nobody_could_read_is_refused() {
        let mut graph = Graph::default();
        for nth in 0..=MOST_NODES {
            graph.nodes.push(Node {
                kind: NodeKind::Op,
                label: vec![format!("op {nth}")],
                file: Some(0),
                line: None,
                group: None,
            });
            if nth > 0 {
                graph.edges.push(Edge {
                    from: nth - 1,
                    to: nth,
                    kind: EdgeKind::Next,
                    label: None,
                });
            }
        }
        let refused = draw(&graph).unwrap_err();
        assert!(refused.contains("501 nodes"), "{refused}");
        graph.nodes.pop();
        graph.edges.pop();
        assert!(draw(&graph).is_ok());
    }
}
