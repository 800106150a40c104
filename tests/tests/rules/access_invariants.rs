//! I-A1 to I-A3 under random acts of random keys, against a model that knows nothing but who owns
//! which key and when its holder gave it up.

use proptest::prelude::*;
use titian_contracts::access::Purpose;
use titian_contracts::json::Value;

use crate::access_scene::{CUSTOMS, Scene, WIDE, ending, key_ids, versioned};

/// A stream of choices from one seed.
struct Choices(u64);

impl Choices {
    /// A number below `n` (splitmix64).
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// What the model knows of a key: until when it may have acted, by accepted acts on it alone.
#[derive(Clone, Debug)]
struct Known {
    party: String,
    no: u64,
    revoked: bool,
}

const PARTIES: [&str; 8] = ["SG", "MY", "SG:ACRA", "MY:SSM", CUSTOMS, "MY:PORTS", "B1", "B2"];
const ACTS: [&str; 9] = [
    "key_bind",
    "key_bind",
    "key_rotate",
    "key_rotate",
    "key_revoke",
    "key_revoke",
    "recover",
    "recover_cancel",
    "mandate_set",
];

struct Run {
    scene: Scene,
    choices: Choices,
    keys: Vec<Known>,
    applied: usize,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut scene = Scene::new();
        let args = scene.create_args("MY:PORTS");
        scene.must("authority_create", args, &[("MY", 1), ("MY", 2)]);
        let mut run = Self { scene, choices: Choices(seed), keys: Vec::new(), applied: 0 };
        for name in PARTIES {
            run.learn(name);
        }
        run
    }

    /// The party behind a name of the pool.
    fn party(&self, name: &str) -> String {
        match name {
            "B1" => self.scene.business.clone(),
            "B2" => self.scene.agent.clone(),
            other => other.to_owned(),
        }
    }

    /// Takes the keys of a party that the model does not know yet.
    fn learn(&mut self, name: &str) {
        let party = self.party(name);
        let bound = self.scene.entry(&party).map_or(0, |entry| entry.keys);
        let known = self.keys.iter().filter(|key| key.party == party).count() as u64;
        for no in known + 1..=bound {
            self.keys.push(Known { party: party.clone(), no, revoked: false });
        }
    }

    /// Keys to sign with: anyone's, or in most cases those of who may well be asked.
    fn signers(&mut self, party: &str) -> Vec<Known> {
        let anyone = self.choices.below(4) == 0;
        let asked =
            [&party[..2], if party.starts_with("SG") { "SG:ACRA" } else { "MY:SSM" }, party];
        let from = self.choices.of(&asked).to_owned();
        let pool: Vec<Known> =
            self.keys.iter().filter(|key| anyone || key.party == from).cloned().collect();
        // the first two keys have the rights, later ones are what the random acts left
        let count = 1 + self.choices.below(3);
        let mut signers: Vec<Known> = (0..count)
            .map(|i| {
                let early = self.choices.below(4) != 0;
                let random = self.choices.below(pool.len() as u64);
                pool[if early { i.min(pool.len() as u64 - 1) } else { random } as usize].clone()
            })
            .collect();
        signers.sort_by(|a, b| (&a.party, a.no).cmp(&(&b.party, b.no)));
        signers.dedup_by(|a, b| a.party == b.party && a.no == b.no);
        signers
    }

    fn step(&mut self) {
        let name = self.choices.of(&PARTIES);
        let act = self.choices.of(&ACTS);
        let party = self.party(name);
        let version = self.scene.version(&party) + u64::from(self.choices.below(8) == 0);
        let (act, args, revoked) = self.draft(act, &party, version);
        let signers = self.signers(&party);
        let by: Vec<(&str, u64)> = signers.iter().map(|k| (k.party.as_str(), k.no)).collect();
        let hours = self.choices.below(30);
        self.scene.world.time_ms += hours * 3_600_000;
        if self.scene.act(act, args, &by).is_ok() {
            self.applied += 1;
            for signer in &signers {
                assert_eq!(signer.party[..2], party[..2], "I-A1: {act} on {party}");
                assert!(!signer.revoked, "I-A2: {}#k{} signed {act}", signer.party, signer.no);
            }
            for key in self.keys.iter_mut().filter(|key| key.party == party) {
                key.revoked |= Some(key.no) == revoked;
            }
            self.learn(name);
        }
        self.check_counts(&party);
    }

    /// Arguments that have a chance to be right, and the key that the act revokes.
    fn draft(
        &mut self,
        act: &'static str,
        party: &str,
        version: u64,
    ) -> (&'static str, Value, Option<u64>) {
        let narrow: &[&str] = self.choices.of(&[WIDE, &["vc.list_set"], &["etr.offer"]]);
        let officer = 1 + self.choices.below(3);
        let no = 1 + self.choices.below(self.scene.entry(party).map_or(1, |e| e.keys));
        let keys: &[(&[&str], &[&str], u64)] = &[(&["invoke"], narrow, officer)];
        let versioned = versioned(party, version);
        match act {
            "key_rotate" => {
                let args = versioned
                    .with("add", self.scene.offers(party, keys))
                    .with("retire", key_ids(&[no]))
                    .with("overlapS", Value::from(self.choices.below(200_000)));
                (act, args, None)
            }
            "key_revoke" => {
                let args = self.scene.revoke_args(party, no, "compromised");
                (act, args.with("version", Value::from(version)), Some(no))
            }
            "recover_cancel" => (act, versioned, None),
            "mandate_set" => {
                let until = Value::from(self.scene.world.time_ms + 200_000_000);
                let args = self.scene.mandate_args(&["etr.offer"]).with("untilMs", until);
                (act, args.with("party", Value::from(party)), None)
            }
            _ => (act, versioned.with("keys", self.scene.offers(party, keys)), None),
        }
    }

    /// At most 16 keys are active, and a party with a waiting recovery has keys that take over.
    fn check_counts(&self, party: &str) {
        let now = self.scene.world.time_ms;
        let entry = self.scene.entry(party).expect("parties are never deleted");
        let active = (1..=entry.keys)
            .map(|no| self.scene.key(party, no))
            .filter(|key| key.is_active(now))
            .count();
        assert!(active <= 16, "{active} active keys of {party}");
    }

    /// I-A3: whatever happened, the root of the party's own state brings the party back.
    fn check_way_back(&mut self, name: &str) {
        let party = self.party(name);
        let cc = party[..2].to_owned();
        let root: [(&str, u64); 2] = [(&cc, 1), (&cc, 2)];
        let entry = self.scene.entry(&party).expect("there");
        if entry.pending_recovery.is_some_and(|p| p.effective_ms > self.scene.world.time_ms) {
            let args = versioned(&party, entry.version);
            self.scene.must("recover_cancel", args, &root);
        }
        let no = entry.keys + 1;
        let args = self.scene.bind_args(
            &party,
            self.scene.version(&party),
            &[(&["invoke"], &["vc.list_set"], 1)],
        );
        if party.contains('-') {
            let way = format!("{cc}:WAY{}", self.applied);
            let scopes = ["access.recover"];
            let keys: &[(&[&str], &[&str], u64)] =
                &[(&["invoke"], &scopes, 1), (&["invoke"], &scopes, 2)];
            let create = self.scene.create_args(&way).with("keys", Value::Null);
            let create = create
                .with("keys", self.scene.offers(&way, keys))
                .with("scopes", Value::List(vec![Value::from("access.recover")]));
            if self.scene.version(&way) == 0 {
                self.scene.must("authority_create", create, &root);
            }
            self.scene.must("recover", args, &[(&way, 1), (&way, 2)]);
        } else {
            self.scene.must("recover", args, &root);
        }
        self.scene.world.time_ms += 86_400_000;
        assert!(self.scene.may_sign(&party, no), "I-A3: {party}");
        assert!(self.scene.key(&party, no).has(Purpose::Invoke));
    }
}

fn walked(seed: u64) -> Run {
    let mut run = Run::new(seed);
    for _ in 0..150 {
        run.step();
    }
    run
}

#[test]
fn the_random_acts_are_not_all_refused() {
    // a single walk may close most parties early
    let applied: usize = (1..=8).map(|seed| walked(seed).applied).sum();
    assert!(applied > 40, "only {applied} acts were applied");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_acts_of_random_keys_keep_the_invariants(seed in any::<u64>()) {
        let mut run = walked(seed);
        for name in ["SG:ACRA", "MY:SSM", CUSTOMS, "MY:PORTS", "B1", "B2"] {
            run.check_way_back(name);
        }
    }
}

#[test]
fn a_closed_party_is_the_only_one_without_a_way_back() {
    let mut run = Run::new(1);
    run.scene.must("authority_close", ending(CUSTOMS, 1), &[("SG", 1), ("SG", 2)]);
    let args = run.scene.bind_args(CUSTOMS, 2, &[(&["invoke"], &["vc.list_set"], 1)]);
    let refused = run.scene.act("recover", args, &[("SG", 1), ("SG", 2)]);
    assert_eq!(refused.err(), Some(titian_contracts::error::Code::PartyClosed));
}
