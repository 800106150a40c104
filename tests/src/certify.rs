//! Headers with certificates over the state of a [`World`], as consensus would make them.

use ed25519_dalek::{Signer as _, SigningKey};
use titian_contracts::block::{
    Certificate, HEADER_VERSION, Header, VoteKind, validator_address, vote_sign_bytes,
};
use titian_contracts::digest::Digest;
use titian_contracts::proof::{Entry, Evidence};
use titian_contracts::state::{Reader as _, tree_key};
use titian_contracts::tree::Tree;
use titian_genesis::devnet::NodeSecrets;

use crate::world::World;

/// The certificate of a block, signed by every validator in `nodes`.
pub fn certificate(nodes: &[NodeSecrets], header: &Header) -> Certificate {
    let block = header.id();
    let signatures = nodes.iter().map(|node| {
        let key = SigningKey::from_bytes(&node.vote_seed);
        let address = validator_address(&key.verifying_key().to_bytes());
        let bytes = vote_sign_bytes(
            &header.chain,
            VoteKind::Precommit,
            header.height,
            0,
            Some(block),
            &address,
        );
        (address, key.sign(&bytes).to_bytes())
    });
    Certificate { height: header.height, round: 0, block, signatures: signatures.collect() }
}

/// What stands under `keys` in the world, with everything that proves it.
pub fn prove(world: &World, keys: &[Vec<u8>]) -> (Vec<Entry>, Evidence) {
    let mut tree = Tree::default();
    tree.update(world.state.0.iter().map(|(key, stored)| (tree_key(key), stored.value_hash(key))));
    let header = Header {
        version: HEADER_VERSION,
        chain: world.genesis.chain.clone(),
        height: world.height + 1,
        time_ms: world.time_ms,
        proposer: [0; 20],
        parent: Digest::ZERO,
        tx_root: Digest::ZERO,
        state_root: tree.root(),
        receipt_root: Digest::ZERO,
        change_root: Digest::ZERO,
        validators_hash: world.genesis.validators.hash(),
        app_version: 1,
    };
    let tree_keys: Vec<Digest> = keys.iter().map(|key| tree_key(key)).collect();
    let entries =
        keys.iter().map(|key| Entry { key: key.clone(), stored: world.state.get(key) }).collect();
    let certificate = certificate(&world.nodes, &header);
    (entries, Evidence { path: tree.prove(&tree_keys).0, header, certificate, as_of: None })
}
