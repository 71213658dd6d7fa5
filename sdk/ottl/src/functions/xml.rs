//! XML, as maps.

mod document;

use spanmill_sdk::{Value, nested};

use crate::coerce::Kind::Text;
use crate::datum::{Datum, Failure, MapBuilder};
use crate::function::Make::Plain;
use crate::function::{Answer, Input, Signature, converter, takes};
use document::{Element, Node};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter("ParseXML", &[takes("target", Text)], Plain(parse_xml)),
    converter(
        "ParseSimplifiedXML",
        &[takes("target", Text)],
        Plain(parse_simplified_xml),
    ),
];

fn parse_xml<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let nodes = document::parsed(input.text(0)?)?;
    let mut roots = nodes.iter().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        _ => None,
    });
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(Datum::Map(whole(root).into())),
        (Some(_), Some(_)) => Err("ParseXML got more than one element"),
        (None, _) => Err("ParseXML got a string without an element"),
    }
}

/// `tag`, `content`, `attributes` and `children` of an element.
fn whole(element: &Element) -> Vec<u8> {
    let mut map = Vec::new();
    nested::push_entry(&mut map, "tag", &Value::Text(local(&element.name)));
    let mut content = String::new();
    for node in &element.children {
        if let Node::Text(text) | Node::CData(text) = node {
            content.push_str(text.trim());
        }
    }
    if !content.is_empty() {
        nested::push_entry(&mut map, "content", &Value::Text(&content));
    }
    if !element.attributes.is_empty() {
        let mut attributes = Vec::new();
        for (name, value) in &element.attributes {
            nested::push_entry(&mut attributes, local(name), &Value::Text(value));
        }
        nested::push_entry(&mut map, "attributes", &Value::Map(&attributes));
    }
    let mut children = Vec::new();
    for node in &element.children {
        if let Node::Element(child) = node {
            nested::push_item(&mut children, &Value::Map(&whole(child)));
        }
    }
    if !children.is_empty() {
        nested::push_entry(&mut map, "children", &Value::Array(&children));
    }
    map
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, name)| name)
}

fn parse_simplified_xml<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let nodes = document::parsed(input.text(0)?)?;
    Ok(Datum::Map(simplified(&nodes)?.into()))
}

/// Elements by name: those without elements inside as their text, several of a name as a list. Attributes go, and so does
/// text beside elements.
fn simplified(nodes: &[Node]) -> Result<Vec<u8>, Failure> {
    let elements: Vec<&Element> = nodes
        .iter()
        .filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
        .collect();
    let mut names: Vec<&str> = Vec::new();
    for element in &elements {
        if !names.contains(&element.name.as_str()) {
            names.push(&element.name);
        }
    }
    let mut map = MapBuilder::default();
    for name in names {
        let of_name: Vec<&&Element> = elements.iter().filter(|one| one.name == name).collect();
        let is_list = of_name.len() > 1;
        let mut list = Vec::new();
        for element in of_name {
            if element.children.is_empty() {
                continue;
            }
            let has_elements = element
                .children
                .iter()
                .any(|node| matches!(node, Node::Element(_)));
            let text = element.children.iter().find_map(|node| match node {
                Node::Text(text) | Node::CData(text) if !has_elements => Some(text.as_str()),
                _ => None,
            });
            let inner;
            let value = match text {
                Some(text) if !text.is_empty() => Value::Text(text),
                _ => {
                    inner = simplified(&element.children)?;
                    if inner.is_empty() {
                        continue;
                    }
                    Value::Map(&inner)
                }
            };
            match is_list {
                true => nested::push_item(&mut list, &value),
                false => map.push_value(name, &value),
            }
        }
        if is_list {
            map.push_value(name, &Value::Array(&list));
        }
    }
    match map.finish() {
        Datum::Map(map) => Ok(map.into_owned()),
        _ => Ok(Vec::new()),
    }
}
