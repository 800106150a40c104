//! RDF Dataset Canonicalization (RDFC-1.0), with SHA-256 and counted work.
//!
//! Invariant: the text depends on the statements only, not on how blank nodes were numbered. A
//! graph made to cost much is `DATASET_POISONED` after a fixed number of steps (S12).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::Work;
use super::quads::Quad;

const POISONED: &str = "DATASET_POISONED";
const MEMORY: &str = "writing to a string cannot fail";

/// Names blank nodes in the order in which they are asked for.
#[derive(Clone, Debug, Default)]
struct Issuer {
    names: BTreeMap<u32, usize>,
    order: Vec<u32>,
}

impl Issuer {
    fn issue(&mut self, node: u32) -> usize {
        if let Some(number) = self.names.get(&node) {
            return *number;
        }
        let number = self.order.len();
        self.names.insert(node, number);
        self.order.push(node);
        number
    }

    fn has(&self, node: u32) -> bool {
        self.names.contains_key(&node)
    }
}

fn sha256(text: &str) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        write!(hex, "{byte:02x}").expect(MEMORY);
    }
    hex
}

/// The canonical text. The error is a code of check `proof`.
pub fn canonicalize(quads: &[Quad], work: &Work) -> Result<String, &'static str> {
    let mut run = Run::new(quads, work);
    run.name_all()?;
    let label = |node: u32, line: &mut String| {
        let number = run.canonical.names.get(&node).unwrap_or(&0);
        write!(line, "c14n{number}").expect(MEMORY);
    };
    let mut lines: Vec<String> = quads.iter().map(|quad| quad.line(&label)).collect();
    // code point order is byte order in UTF-8
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.concat())
}

struct Run<'a> {
    /// The statements of each blank node.
    of_node: BTreeMap<u32, Vec<&'a Quad>>,
    first: BTreeMap<u32, String>,
    canonical: Issuer,
    work: &'a Work,
}

impl<'a> Run<'a> {
    fn new(quads: &'a [Quad], work: &'a Work) -> Self {
        let mut of_node: BTreeMap<u32, Vec<&Quad>> = BTreeMap::new();
        for quad in quads {
            let mut nodes: Vec<u32> = quad.blanks().map(|(node, _)| node).collect();
            nodes.sort_unstable();
            nodes.dedup();
            for node in nodes {
                of_node.entry(node).or_default().push(quad);
            }
        }
        let first = of_node
            .iter()
            .map(|(node, quads)| {
                let label = |other: u32, line: &mut String| {
                    line.push(if other == *node { 'a' } else { 'z' });
                };
                let mut lines: Vec<String> = quads.iter().map(|quad| quad.line(&label)).collect();
                lines.sort_unstable();
                (*node, sha256(&lines.concat()))
            })
            .collect();
        Self { of_node, first, canonical: Issuer::default(), work }
    }

    fn name_all(&mut self) -> Result<(), &'static str> {
        let mut by_hash: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for (node, hash) in &self.first {
            by_hash.entry(hash.clone()).or_default().push(*node);
        }
        for nodes in by_hash.values() {
            if let [node] = nodes.as_slice() {
                self.canonical.issue(*node);
            }
        }
        for nodes in by_hash.values().filter(|nodes| nodes.len() > 1) {
            let mut paths = Vec::new();
            for node in
                nodes.iter().filter(|node| !self.canonical.has(**node)).copied().collect::<Vec<_>>()
            {
                let mut issuer = Issuer::default();
                issuer.issue(node);
                paths.push(self.hash_around(node, issuer, 0)?);
            }
            paths.sort_by(|a, b| a.0.cmp(&b.0));
            for (_, issuer) in paths {
                for node in issuer.order {
                    self.canonical.issue(node);
                }
            }
        }
        Ok(())
    }

    fn hash_related(
        &mut self,
        related: u32,
        quad: &Quad,
        issuer: &Issuer,
        position: char,
    ) -> Result<String, &'static str> {
        self.work.relate()?;
        let mut input = String::from(position);
        if position != 'g' {
            input.push_str(&format!("<{}>", quad.predicate));
        }
        input.push_str(
            &self
                .name_of(related, issuer)
                .unwrap_or_else(|| self.first.get(&related).cloned().unwrap_or_default()),
        );
        Ok(sha256(&input))
    }

    fn name_of(&self, node: u32, issuer: &Issuer) -> Option<String> {
        let canonical = self.canonical.names.get(&node).map(|n| format!("_:c14n{n}"));
        canonical.or_else(|| issuer.names.get(&node).map(|n| format!("_:b{n}")))
    }

    /// Hash N-degree quads: the hash of a node with everything around it, and the names that its
    /// best path gives.
    fn hash_around(
        &mut self,
        node: u32,
        mut issuer: Issuer,
        depth: usize,
    ) -> Result<(String, Issuer), &'static str> {
        // deeper than any honest document nests, and far from the end of the stack
        if depth > 256 {
            return Err(POISONED);
        }
        let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for quad in self.of_node.get(&node).cloned().unwrap_or_default() {
            for (related, position) in quad.blanks() {
                if related != node {
                    let hash = self.hash_related(related, quad, &issuer, position)?;
                    groups.entry(hash).or_default().push(related);
                }
            }
        }
        let mut data = String::new();
        for (hash, nodes) in groups {
            data.push_str(&hash);
            let (path, chosen) = self.best_path(nodes, &issuer, depth)?;
            data.push_str(&path);
            issuer = chosen;
        }
        Ok((sha256(&data), issuer))
    }

    fn best_path(
        &mut self,
        mut nodes: Vec<u32>,
        issuer: &Issuer,
        depth: usize,
    ) -> Result<(String, Issuer), &'static str> {
        nodes.sort_unstable();
        let mut best: Option<(String, Issuer)> = None;
        loop {
            self.work.permute()?;
            if let Some(found) = self.one_path(&nodes, issuer.clone(), best.as_ref(), depth)?
                && best.as_ref().is_none_or(|(path, _)| found.0 < *path)
            {
                best = Some(found);
            }
            if !next_permutation(&mut nodes) {
                return best.ok_or(POISONED);
            }
        }
    }

    /// The path of one order; `None` if it is worse than the best so far.
    fn one_path(
        &mut self,
        nodes: &[u32],
        mut issuer: Issuer,
        best: Option<&(String, Issuer)>,
        depth: usize,
    ) -> Result<Option<(String, Issuer)>, &'static str> {
        let worse = |path: &str| {
            best.is_some_and(|(best, _)| path.len() >= best.len() && path > best.as_str())
        };
        let mut path = String::new();
        let mut recursion = Vec::new();
        for node in nodes {
            match self.canonical.names.get(node) {
                Some(number) => path.push_str(&format!("_:c14n{number}")),
                None => {
                    if !issuer.has(*node) {
                        recursion.push(*node);
                    }
                    path.push_str(&format!("_:b{}", issuer.issue(*node)));
                }
            }
            if worse(&path) {
                return Ok(None);
            }
        }
        for node in recursion {
            let (hash, further) = self.hash_around(node, issuer.clone(), depth + 1)?;
            path.push_str(&format!("_:b{}<{hash}>", issuer.issue(node)));
            issuer = further;
            if worse(&path) {
                return Ok(None);
            }
        }
        Ok(Some((path, issuer)))
    }
}

/// The next order of `nodes`, ascending; false after the last.
fn next_permutation(nodes: &mut [u32]) -> bool {
    let Some(pivot) = nodes.windows(2).rposition(|pair| matches!(pair, [a, b] if a < b)) else {
        return false;
    };
    let (head, tail) = nodes.split_at_mut(pivot + 1);
    let Some(low) = head.last_mut() else { return false };
    let Some(swap) = tail.iter().rposition(|node| *node > *low) else { return false };
    if let Some(high) = tail.get_mut(swap) {
        std::mem::swap(low, high);
    }
    tail.reverse();
    true
}
