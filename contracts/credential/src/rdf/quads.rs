//! RDF statements and their canonical N-Quads text (RDFC-1.0 §5).

use std::fmt::Write as _;
use std::sync::Arc;

/// A subject, or the name of a graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An IRI.
    Iri(Arc<str>),
    /// A blank node.
    Blank(u32),
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// An IRI or a blank node.
    Node(Subject),
    /// A literal.
    Literal {
        /// Its lexical form.
        text: String,
        /// Its datatype; `None` for plain text and for text in a language.
        datatype: Option<Arc<str>>,
        /// Its language.
        language: Option<String>,
    },
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quad {
    /// Subject.
    pub subject: Subject,
    /// Predicate, an IRI.
    pub predicate: Arc<str>,
    /// Object.
    pub object: Object,
    /// The graph; `None` for the default one.
    pub graph: Option<Subject>,
}

impl Quad {
    /// The blank nodes of the statement with their positions.
    pub fn blanks(&self) -> impl Iterator<Item = (u32, char)> {
        let blank = |subject: &Subject| match subject {
            Subject::Blank(n) => Some(*n),
            Subject::Iri(_) => None,
        };
        let object = match &self.object {
            Object::Node(node) => blank(node),
            Object::Literal { .. } => None,
        };
        let graph = self.graph.as_ref().and_then(blank);
        let all = [(blank(&self.subject), 's'), (object, 'o'), (graph, 'g')];
        all.into_iter().filter_map(|(n, position)| n.map(|n| (n, position)))
    }

    /// The line of the statement, with its end of line. `label` names blank nodes.
    pub fn line(&self, label: &dyn Fn(u32, &mut String)) -> String {
        let mut line = String::with_capacity(160);
        node(&self.subject, label, &mut line);
        line.push_str(" <");
        line.push_str(&self.predicate);
        line.push_str("> ");
        match &self.object {
            Object::Node(object) => node(object, label, &mut line),
            Object::Literal { text, datatype, language } => {
                line.push('"');
                escape(text, &mut line);
                line.push('"');
                if let Some(language) = language {
                    line.push('@');
                    line.push_str(language);
                } else if let Some(datatype) = datatype {
                    line.push_str("^^<");
                    line.push_str(datatype);
                    line.push('>');
                }
            }
        }
        if let Some(graph) = &self.graph {
            line.push(' ');
            node(graph, label, &mut line);
        }
        line.push_str(" .\n");
        line
    }
}

fn node(subject: &Subject, label: &dyn Fn(u32, &mut String), line: &mut String) {
    match subject {
        Subject::Iri(iri) => {
            line.push('<');
            line.push_str(iri);
            line.push('>');
        }
        Subject::Blank(number) => {
            line.push_str("_:");
            label(*number, line);
        }
    }
}

/// Writes a literal's text; what needs no escape is copied in one go.
fn escape(text: &str, out: &mut String) {
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        // all that is escaped is ASCII, so `at` is a boundary of characters
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f | 0x7f) {
            continue;
        }
        out.push_str(text.get(plain..at).unwrap_or_default());
        plain = at + 1;
        match byte {
            0x8 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0xc => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            other => write!(out, "\\u{other:04X}").expect("writing to a string cannot fail"),
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
}
