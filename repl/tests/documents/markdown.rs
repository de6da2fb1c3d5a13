//! The code blocks of a page in Markdown.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A code block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The heading that it stands under.
    pub(crate) heading: String,
    /// Its number below that heading, from 1.
    pub(crate) number: usize,
    /// What its first line says that it is written in.
    pub(crate) language: String,
    pub(crate) text: String,
}

/// All of them, in their order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS | Options::ENABLE_TABLES;
    let mut blocks = Vec::new();
    let (mut heading, mut number) = (String::new(), 0);
    let (mut in_heading, mut current) = (false, None::<Block>);
    for event in Parser::new_ext(page, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                (in_heading, number) = (true, 0);
                heading.clear();
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(text) | Event::Code(text) if in_heading => heading.push_str(&text),
            Event::Start(Tag::CodeBlock(kind)) => {
                number += 1;
                current = Some(Block {
                    heading: heading.clone(),
                    number,
                    language: match kind {
                        CodeBlockKind::Fenced(language) => language.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    },
                    text: String::new(),
                });
            }
            Event::Text(text) if current.is_some() => {
                current.as_mut().unwrap().text.push_str(&text);
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(current.take()),
            _ => {}
        }
    }
    for block in &blocks {
        assert!(page.contains(&block.text), "not as in the page: {block:?}");
    }
    blocks
}
