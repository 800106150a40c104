//! RDF statements and their canonical N-Quads text (RDFC-1.0 §5).

/// A subject, or the name of a graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An IRI.
    Iri(String),
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
        datatype: Option<String>,
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
    pub predicate: String,
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
    pub fn line(&self, label: &dyn Fn(u32) -> String) -> String {
        let mut line = String::new();
        let node = |subject: &Subject| match subject {
            Subject::Iri(iri) => format!("<{iri}>"),
            Subject::Blank(n) => format!("_:{}", label(*n)),
        };
        line.push_str(&node(&self.subject));
        line.push_str(&format!(" <{}> ", self.predicate));
        match &self.object {
            Object::Node(subject) => line.push_str(&node(subject)),
            Object::Literal { text, datatype, language } => {
                line.push('"');
                escape(text, &mut line);
                line.push('"');
                if let Some(language) = language {
                    line.push_str(&format!("@{language}"));
                } else if let Some(datatype) = datatype {
                    line.push_str(&format!("^^<{datatype}>"));
                }
            }
        }
        if let Some(graph) = &self.graph {
            line.push_str(&format!(" {}", node(graph)));
        }
        line.push_str(" .\n");
        line
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{0}'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
}
