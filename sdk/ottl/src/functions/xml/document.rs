//! A document of XML as a tree.

use crate::datum::Failure;

/// What stands in a document or an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
    CData(String),
    /// A comment, a processing instruction or a declaration, with its brackets.
    Other(String),
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Node>,
}

/// How deep elements may be nested: the trees are walked by functions that call themselves.
const DEPTH_LIMIT: usize = 256;

const WRONG: Failure = "a function got a string that is not XML";

/// The nodes of a document.
pub(super) fn parsed(text: &str) -> Result<Vec<Node>, Failure> {
    let mut open: Vec<Element> = vec![Element::default()];
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    while !rest.is_empty() {
        let add = |open: &mut Vec<Element>, node: Node| {
            if let Some(element) = open.last_mut() {
                element.children.push(node);
            }
        };
        let Some(markup) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            let (text, behind) = rest.split_at(end);
            rest = behind;
            // Between elements of the document itself there is only space.
            if open.len() > 1 {
                add(&mut open, Node::Text(unescaped(text)?));
            } else if !text.trim().is_empty() {
                return Err(WRONG);
            }
            continue;
        };
        if let Some(inner) = markup.strip_prefix("!--") {
            let (comment, behind) = inner.split_once("-->").ok_or(WRONG)?;
            add(&mut open, Node::Other(format!("<!--{comment}-->")));
            rest = behind;
        } else if let Some(inner) = markup.strip_prefix("![CDATA[") {
            let (data, behind) = inner.split_once("]]>").ok_or(WRONG)?;
            add(&mut open, Node::CData(data.to_owned()));
            rest = behind;
        } else if let Some(inner) = markup.strip_prefix('?') {
            let (instruction, behind) = inner.split_once("?>").ok_or(WRONG)?;
            add(&mut open, Node::Other(format!("<?{instruction}?>")));
            rest = behind;
        } else if let Some(inner) = markup.strip_prefix('!') {
            let (declaration, behind) = inner.split_once('>').ok_or(WRONG)?;
            // What declares entities could make a text of any length.
            if declaration.contains('[') {
                return Err("a function got XML with a document type of its own");
            }
            add(&mut open, Node::Other(format!("<!{declaration}>")));
            rest = behind;
        } else if let Some(inner) = markup.strip_prefix('/') {
            let (name, behind) = inner.split_once('>').ok_or(WRONG)?;
            let element = open.pop().ok_or(WRONG)?;
            if open.is_empty() || element.name != name.trim_end() {
                return Err(WRONG);
            }
            add(&mut open, Node::Element(element));
            rest = behind;
        } else {
            let (element, is_empty, behind) = tag(markup)?;
            rest = behind;
            if is_empty {
                add(&mut open, Node::Element(element));
            } else if open.len() > DEPTH_LIMIT {
                return Err("a function got XML that is nested too deep");
            } else {
                open.push(element);
            }
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(document), true) => Ok(document.children),
        _ => Err(WRONG),
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | ':' | '-' | '.')
}

fn name(text: &str) -> Result<(&str, &str), Failure> {
    let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
    match end {
        0 => Err(WRONG),
        end => Ok(text.split_at(end)),
    }
}

/// An opening tag, behind its bracket: the element, whether it is closed at once, and what follows.
fn tag(text: &str) -> Result<(Element, bool, &str), Failure> {
    let (tag_name, mut rest) = name(text)?;
    let mut element = Element {
        name: tag_name.to_owned(),
        ..Element::default()
    };
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix("/>") {
            return Ok((element, true, behind));
        }
        if let Some(behind) = rest.strip_prefix('>') {
            return Ok((element, false, behind));
        }
        let (key, behind) = name(rest)?;
        let value = behind
            .trim_start()
            .strip_prefix('=')
            .ok_or(WRONG)?
            .trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\''))
            .ok_or(WRONG)?;
        let (value, behind) = value[1..].split_once(quote).ok_or(WRONG)?;
        element.attributes.push((key.to_owned(), unescaped(value)?));
        rest = behind;
    }
}

fn unescaped(text: &str) -> Result<String, Failure> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        out.push_str(before);
        let (entity, behind) = behind.split_once(';').ok_or(WRONG)?;
        rest = behind;
        out.push(match entity {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "apos" => '\'',
            "quot" => '"',
            number => {
                let number = number.strip_prefix('#').ok_or(WRONG)?;
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32).ok_or(WRONG)?
            }
        });
    }
    out.push_str(rest);
    Ok(out)
}
