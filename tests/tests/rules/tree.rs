//! The state tree against a naive model written from ledger.md §5 alone, and its proofs.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use titian_contracts::digest::Digest;
use titian_contracts::limits;
use titian_contracts::merkle;
use titian_contracts::tree::{Multiproof, ProofError, Tree};

type Pair = ([u8; 32], [u8; 32]);

/// The model: sorted pairs, cut in two at each bit. It shares no code with the tree; only the
/// BLAKE3 library is the same.
mod naive {
    use std::sync::LazyLock;

    use super::Pair;

    static LEAF: LazyLock<[u8; 32]> =
        LazyLock::new(|| blake3::derive_key("titian tree leaf v1", b""));
    static NODE: LazyLock<[u8; 32]> =
        LazyLock::new(|| blake3::derive_key("titian tree node v1", b""));

    fn keyed(key: &[u8; 32], left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(key);
        hasher.update(left).update(right);
        hasher.finalize().into()
    }

    fn goes_left(key: &[u8; 32], depth: usize) -> bool {
        key[depth / 8] & (0x80 >> (depth % 8)) == 0
    }

    /// The hash of the subtree at `depth` that holds these pairs, sorted by key.
    pub(super) fn root(pairs: &[Pair], depth: usize) -> [u8; 32] {
        match pairs {
            [] => [0; 32],
            [(key, value)] => keyed(&LEAF, key, value),
            _ => {
                let (left, right) =
                    pairs.split_at(pairs.partition_point(|pair| goes_left(&pair.0, depth)));
                keyed(&NODE, &root(left, depth + 1), &root(right, depth + 1))
            }
        }
    }

    /// The multiproof for `keys`, both sorted: 0 empty; 1 leaf, key, value; 2 node, left, right; 3
    /// hash of a subtree that no key goes into.
    pub(super) fn proof(pairs: &[Pair], keys: &[[u8; 32]], depth: usize) -> Vec<u8> {
        if keys.is_empty() {
            return [&[3][..], &root(pairs, depth)].concat();
        }
        match pairs {
            [] => vec![0],
            [(key, value)] => [&[1][..], key, value].concat(),
            _ => {
                let (left, right) =
                    pairs.split_at(pairs.partition_point(|pair| goes_left(&pair.0, depth)));
                let (keys_left, keys_right) =
                    keys.split_at(keys.partition_point(|key| goes_left(key, depth)));
                let left = proof(left, keys_left, depth + 1);
                [&[2][..], &left, &proof(right, keys_right, depth + 1)].concat()
            }
        }
    }
}

fn tree_of(pairs: &[Pair]) -> Tree {
    let mut tree = Tree::default();
    tree.update(pairs.iter().map(|(key, value)| (Digest(*key), Digest(*value))));
    tree
}

fn digests(keys: &[[u8; 32]]) -> Vec<Digest> {
    keys.iter().map(|key| Digest(*key)).collect()
}

/// What is true of `keys` in `pairs`.
fn claim_of(pairs: &[Pair], keys: &[[u8; 32]]) -> Vec<(Digest, Option<Digest>)> {
    let value = |key| pairs.iter().find(|pair| pair.0 == key).map(|pair| Digest(pair.1));
    keys.iter().map(|key| (Digest(*key), value(*key))).collect()
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A key of a small family: it often shares a long prefix with others, or is one of them.
    fn key(&mut self) -> [u8; 32] {
        let mut key = [[0x00; 32], [0xff; 32], [0x5a; 32]][self.below(3) as usize];
        for _ in 0..=self.below(3) {
            let bit = [0, 1, 2, 3, 7, 8, 9, 15, 16, 40][self.below(10) as usize];
            key[bit / 8] ^= 0x80 >> (bit % 8);
        }
        // seldom as deep as the tree goes: such a path costs as much as all others together
        if self.below(100) == 0 {
            key[31] ^= 1;
        }
        key
    }

    fn value(&mut self) -> [u8; 32] {
        let mut value = [0; 32];
        value[..8].copy_from_slice(&self.next().to_be_bytes());
        value
    }
}

#[test]
fn updated_in_steps_rebuilt_and_naive_trees_have_one_root_for_100_000_batches() {
    let seed = 20_260_701;
    let mut batches = 0;
    for round in 0..10_000u64 {
        let mut random = Random(seed + round);
        let mut tree = Tree::default();
        let mut pairs = std::collections::BTreeMap::new();
        for _ in 0..10 {
            let batch: Vec<Pair> =
                (0..=random.below(4)).map(|_| (random.key(), random.value())).collect();
            tree.update(batch.iter().map(|(key, value)| (Digest(*key), Digest(*value))));
            pairs.extend(batch);
            batches += 1;
            let mut all: Vec<Pair> = pairs.iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(tree.root().0, naive::root(&all, 0), "seed {seed} + {round}");
            assert_eq!(tree.len(), all.len(), "seed {seed} + {round}");
            all.reverse();
            assert_eq!(tree_of(&all).root(), tree.root(), "seed {seed} + {round}");
        }
    }
    assert_eq!(batches, 100_000);
}

const VECTORS: &str = include_str!("../../data/ledger/tree.json");

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn bytes32(text: &serde_json::Value) -> [u8; 32] {
    let bytes = hex::decode(text.as_str().expect("a text")).expect("hex");
    bytes.try_into().expect("32 bytes")
}

/// The pairs of a vector: listed, or by the rule the file states.
fn pairs_of(vector: &serde_json::Value) -> Vec<Pair> {
    match vector["count"].as_u64() {
        Some(count) => sorted((0..count).map(|i| {
            let key = sha256(&format!("titian tree vector key {i}"));
            (key, sha256(&format!("titian tree vector value {i}")))
        })),
        None => sorted(
            vector["pairs"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|pair| (bytes32(&pair[0]), bytes32(&pair[1]))),
        ),
    }
}

fn sorted(pairs: impl Iterator<Item = Pair>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = pairs.collect();
    pairs.sort_unstable();
    pairs
}

fn vectors() -> Vec<serde_json::Value> {
    let file: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    file["vectors"].as_array().expect("a list").clone()
}

fn keys_of(proof: &serde_json::Value) -> Vec<[u8; 32]> {
    proof["keys"].as_array().expect("a list").iter().map(bytes32).collect()
}

#[test]
fn the_published_roots_and_proofs_are_reproduced() {
    let vectors = vectors();
    let names: Vec<&str> = vectors.iter().filter_map(|vector| vector["name"].as_str()).collect();
    assert_eq!(names, ["empty", "one key", "two keys", "shared prefixes", "1,000 keys"]);
    for vector in &vectors {
        let pairs = pairs_of(vector);
        let tree = tree_of(&pairs);
        assert_eq!(tree.root().0, bytes32(&vector["root"]), "{}", vector["name"]);
        assert_eq!(naive::root(&pairs, 0), bytes32(&vector["root"]), "{}", vector["name"]);
        for proof in vector["proofs"].as_array().expect("a list") {
            let keys = keys_of(proof);
            let bytes = hex::decode(proof["proof"].as_str().expect("a text")).expect("hex");
            assert_eq!(tree.prove(&digests(&keys)).0, bytes, "{}", vector["name"]);
            assert_eq!(naive::proof(&pairs, &keys, 0), bytes, "{}", vector["name"]);
            let claim = claim_of(&pairs, &keys);
            let expected: Vec<bool> =
                proof["present"].as_array().expect("a list").iter().map(|v| v == true).collect();
            assert_eq!(claim.iter().map(|(_, v)| v.is_some()).collect::<Vec<_>>(), expected);
            assert_eq!(Multiproof(bytes).verify(&tree.root(), &claim), Ok(()));
        }
    }
}

/// The kinds of proof on one tree: keys, and what kind it is.
fn every_kind(pairs: &[Pair]) -> Vec<(&'static str, Vec<[u8; 32]>)> {
    let (first, last) = (pairs[0].0, pairs[pairs.len() - 1].0);
    let mut beside = first;
    beside[31] ^= 1;
    vec![
        ("presence", vec![first]),
        ("absence by another leaf", vec![beside]),
        ("absence by the empty subtree", vec![empty_slot(pairs)]),
        ("many, present and absent", vec![first, beside, last, empty_slot(pairs)]),
    ]
}

/// A key whose path ends in the empty subtree: two keys share more bits with each other than with
/// it, and nothing else is on its side.
fn empty_slot(pairs: &[Pair]) -> [u8; 32] {
    (0..=u16::MAX)
        .map(|i| sha256(&format!("slot {i}")))
        .find(|key| ends_empty(pairs, key))
        .expect("a sparse tree has empty subtrees")
}

/// Whether the path of `key` ends in the empty subtree, by walking prefixes.
fn ends_empty(pairs: &[Pair], key: &[u8; 32]) -> bool {
    let shares = |other: &[u8; 32], bits: usize| {
        (0..bits).all(|i| (other[i / 8] ^ key[i / 8]) & (0x80 >> (i % 8)) == 0)
    };
    let within = |bits: usize| pairs.iter().filter(|pair| shares(&pair.0, bits)).count();
    (1..=256).find(|bits| within(*bits) <= 1).is_some_and(|bits| within(bits) == 0)
}

#[test]
fn every_kind_of_proof_verifies_and_every_flipped_bit_fails() {
    let pairs = sorted((0..40).map(|i| (sha256(&format!("k{i}")), sha256("v"))));
    let tree = tree_of(&pairs);
    let root = tree.root();
    for (kind, keys) in every_kind(&pairs) {
        let proof = tree.prove(&digests(&keys));
        let claim = claim_of(&pairs, &keys);
        assert_eq!(proof.verify(&root, &claim), Ok(()), "{kind}");
        for bit in 0..proof.0.len() * 8 {
            let mut bad = proof.clone();
            bad.0[bit / 8] ^= 1 << (bit % 8);
            assert!(bad.verify(&root, &claim).is_err(), "{kind}: bit {bit} of the proof");
        }
        for bit in 0..256 {
            let mut bad = root;
            bad.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(proof.verify(&bad, &claim), Err(ProofError::RootDiffers), "{kind}");
        }
        for i in 0..claim.len() {
            check_claims_around(&proof, &root, &claim, i, kind);
        }
        for len in 0..proof.0.len() {
            let cut = Multiproof(proof.0[..len].to_vec());
            assert_eq!(cut.verify(&root, &claim), Err(ProofError::Malformed), "{kind}: {len}");
        }
        let mut longer = proof.clone();
        longer.0.push(0);
        assert_eq!(longer.verify(&root, &claim), Err(ProofError::Malformed), "{kind}");
    }
}

/// Another value, absence for presence or the other way round, and another key are not proven.
fn check_claims_around(
    proof: &Multiproof,
    root: &Digest,
    claim: &[(Digest, Option<Digest>)],
    i: usize,
    kind: &str,
) {
    let with = |key: Digest, value: Option<Digest>| {
        let mut claim = claim.to_vec();
        claim[i] = (key, value);
        proof.verify(root, &claim)
    };
    let (key, value) = claim[i];
    let Some(value) = value else {
        assert_eq!(with(key, Some(Digest([7; 32]))), Err(ProofError::ValueDiffers), "{kind}");
        return;
    };
    assert_eq!(with(key, None), Err(ProofError::ValueDiffers), "{kind}");
    for bit in 0..256 {
        let (mut other_key, mut other) = (key, value);
        other.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(with(key, Some(other)), Err(ProofError::ValueDiffers), "{kind}");
        other_key.0[bit / 8] ^= 1 << (bit % 8);
        assert!(with(other_key, Some(value)).is_err(), "{kind}: bit {bit} of the key");
    }
}

#[test]
fn a_claim_names_1_to_1024_keys_none_twice() {
    let keys: Vec<[u8; 32]> = (0..1025).map(|i| sha256(&format!("k{i}"))).collect();
    let pairs: Vec<Pair> = keys.iter().map(|key| (*key, sha256("v"))).collect();
    let tree = tree_of(&pairs);
    assert_eq!(tree.root().0, naive::root(&sorted(pairs.iter().copied()), 0));
    let verify = |keys: &[[u8; 32]]| {
        tree.prove(&digests(keys)).verify(&tree.root(), &claim_of(&pairs, keys))
    };
    assert_eq!(limits::PROOF_KEYS_MAX, 1024);
    assert_eq!(verify(&keys[..1024]), Ok(()));
    assert_eq!(verify(&keys), Err(ProofError::Keys));
    assert_eq!(verify(&[]), Err(ProofError::Keys));
    assert_eq!(verify(&[keys[0], keys[0]]), Err(ProofError::Keys));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn proofs_are_those_of_the_model_and_prove_nothing_else(seed in any::<u64>()) {
        let mut random = Random(seed);
        let mut pairs: Vec<Pair> =
            (0..random.below(20)).map(|_| (random.key(), random.value())).collect();
        pairs.sort_unstable();
        pairs.dedup_by_key(|pair| pair.0);
        let mut keys: Vec<[u8; 32]> = (0..=random.below(6)).map(|_| random.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        let tree = tree_of(&pairs);
        let proof = tree.prove(&digests(&keys));
        prop_assert_eq!(&proof.0, &naive::proof(&pairs, &keys, 0));
        let claim = claim_of(&pairs, &keys);
        prop_assert_eq!(proof.verify(&tree.root(), &claim), Ok(()));
        let i = random.below(claim.len() as u64) as usize;
        let mut wrong = claim.clone();
        wrong[i].1 = match wrong[i].1 {
            Some(_) => None,
            None => Some(Digest(random.value())),
        };
        prop_assert!(proof.verify(&tree.root(), &wrong).is_err());
    }

    #[test]
    fn any_bytes_as_a_proof_are_refused_without_panic(
        bytes in prop::collection::vec(prop_oneof![0u8..5, any::<u8>()], 0..2_000),
        keys in prop::collection::vec(any::<[u8; 32]>(), 1..5),
    ) {
        let claim: Vec<_> = keys.iter().map(|key| (Digest(*key), None)).collect();
        let verdict = Multiproof(bytes).verify(&Digest([9; 32]), &claim);
        prop_assert!(verdict.is_err());
    }
}

#[test]
fn the_steps_from_every_place_of_every_list_lead_to_its_root_and_no_other_leaf_does() {
    let tag = "titian change node v1";
    for count in 1..40_usize {
        let leaves: Vec<Digest> =
            (0..count).map(|i| Digest(Sha256::digest([i as u8]).into())).collect();
        let root = merkle::root_of(tag, &leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let steps = merkle::steps_of(tag, &leaves, index);
            assert_eq!(merkle::root_from_steps(tag, *leaf, &steps), root, "{index} of {count}");
            let bare: Vec<Digest> = steps.iter().map(|(_, sibling)| *sibling).collect();
            assert_eq!(bare, merkle::path_of(tag, &leaves, index));
            let other = leaves[(index + 1) % count];
            assert!(count == 1 || merkle::root_from_steps(tag, other, &steps) != root);
        }
        assert_eq!(merkle::steps_of(tag, &leaves, count), []);
    }
}
