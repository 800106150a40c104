//! Random acts by random keys on accreditations, lists, uses, resources and keys keep the
//! invariants of vc.md §5.7 (vc-api.md A§8 T10).

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use titian_contracts::access::{self, KeyEntry, PartyEntry};
use titian_contracts::credential::bits;
use titian_contracts::credential::{
    self, Accreditation, AccreditationStatus, Resource, StatusList, Use, chain,
};
use titian_contracts::digest::hash;
use titian_contracts::json::Value;
use titian_contracts::op::Register;
use titian_contracts::state::{Overlay, decode_content};

use super::credential_scene::{
    ACRA, CUSTOMS, ROOT, Scene, UNTIL_MS, cases, change, grant, list, set, texts,
};
use super::credential_types::{SCHEMA, resource};

const PARTIES: [&str; 3] = ["SG:ACRA", "SG:CUSTOMS", "MY:SSM"];
const MY_ROOT: &[(&str, u64)] = &[("MY", 1), ("MY", 2)];
const SSM: &[(&str, u64)] = &[("MY:SSM", 1)];
/// Entries of a list that acts are about: on both sides of a chunk border.
const INDICES: [u64; 3] = [0, 4_095, 4_096];
/// The lists of a party: 1 tells of revocation, 2 of single use.
const PROFILES: [&str; 2] = ["revocation", "use"];
const ACTS: [&str; 16] = [
    "accreditation_grant",
    "accreditation_suspend",
    "accreditation_reinstate",
    "accreditation_revoke",
    "list_create",
    "list_set",
    "use_lodge",
    "use_lodge",
    "use_utilise",
    "use_release",
    "use_cancel",
    "resource_publish",
    "resource_deprecate",
    "key_bind",
    "key_rotate",
    "key_revoke",
];
const STEPS: usize = 60;

/// An entry of a list: owner, list, index.
type Entry = (&'static str, u64, u64);

/// What was seen of the register so far and must not change, or only forward.
#[derive(Default)]
struct Seen {
    revoked: BTreeMap<String, Accreditation>,
    /// Height and value of each change of an entry.
    entries: BTreeMap<Entry, Vec<(u64, u8)>>,
    resources: BTreeMap<Vec<u8>, Vec<u8>>,
    /// (party, number) → public key and state.
    keys: BTreeMap<(&'static str, u64), KeyEntry>,
}

struct Walk {
    scene: Scene,
    random: StdRng,
    seen: Seen,
}

fn number(value: u64) -> i64 {
    i64::try_from(value).expect("small")
}

impl Walk {
    /// Every second walk begins with accreditations and lists, so that more acts are allowed.
    fn new(seed: u64) -> Self {
        let mut scene = Scene::bare();
        if seed.is_multiple_of(2) {
            scene.must("accreditation_grant", grant("SG:ACRA", 1), ROOT);
            let below = grant("SG:CUSTOMS", 1)
                .with("parent", Value::from("SG:ACRA/acc/1"))
                .with("depth", Value::Int(1));
            scene.must("accreditation_grant", below, ACRA);
            let foreign = grant("MY:SSM", 1)
                .with("parent", Value::from("MY"))
                .with("jurisdictions", texts(&["MY"]));
            scene.must("accreditation_grant", foreign, MY_ROOT);
            for (owner, signer) in [("SG:ACRA", ACRA), ("SG:CUSTOMS", CUSTOMS), ("MY:SSM", SSM)] {
                for (n, profile) in (1..).zip(PROFILES) {
                    scene.must("list_create", list(owner, n, profile), signer);
                }
            }
        }
        Self { scene, random: StdRng::seed_from_u64(seed), seen: Seen::default() }
    }

    fn read<T: borsh::BorshDeserialize>(&self, key: &[u8]) -> Option<T> {
        let stored = self.scene.world.state.0.get(key)?;
        Some(decode_content(&stored.content).expect("it decodes"))
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.random.gen_range(0..of.len())]
    }

    /// Now and then one more than what is due.
    fn due(&mut self, value: u64) -> Value {
        Value::Int(number(value) + i64::from(self.random.gen_ratio(1, 8)))
    }

    /// One act; gives its name, who signed first, and whether it was applied.
    fn step(&mut self) -> (&'static str, &'static str, bool) {
        let act = self.pick(&ACTS);
        let party = self.pick(&PARTIES);
        let all: [&'static [(&'static str, u64)]; 6] =
            [ROOT, ACRA, CUSTOMS, MY_ROOT, SSM, &[("SG:CUSTOMS", 2)]];
        let mut signers = self.pick(&all);
        if self.random.gen_bool(0.5) {
            // more often somebody of the party's own state
            signers = match (&party[..2], self.random.gen_bool(0.5)) {
                ("SG", true) => ROOT,
                ("MY", true) => MY_ROOT,
                _ => all[[1, 2, 4][PARTIES.iter().position(|one| *one == party).expect("one")]],
            };
        }
        let (register, args) = match act.split('_').next() {
            Some("accreditation") => (Register::Vc, self.accreditation(act, party)),
            Some("list") => (Register::Vc, self.list(act, party)),
            Some("use") => (Register::Vc, self.entry_use(act, party)),
            Some("resource") => (Register::Vc, self.resource(act)),
            _ => (Register::Access, self.key(act, party)),
        };
        if act == "accreditation_reinstate" && self.random.gen_bool(0.5) {
            // few are suspended, so often the root above all of that state signs
            let owner = args.get("id").and_then(Value::as_text).unwrap_or_default();
            signers = if owner.starts_with("MY") { MY_ROOT } else { ROOT };
        }
        let applied = self.scene.world.act(register, act, args, signers).is_ok();
        (act, signers[0].0, applied)
    }

    fn accreditation(&mut self, act: &str, party: &str) -> Value {
        let n = self.random.gen_range(1..4);
        if act == "accreditation_grant" {
            let parents = ["SG", "SG:ACRA/acc/1", "SG:CUSTOMS/acc/1", "SG:ACRA/acc/2", "MY"];
            let parent = self.pick(&parents);
            let rights: Vec<&str> = ["accredit", "issue", "use"]
                .into_iter()
                .filter(|_| self.random.gen_bool(0.6))
                .collect();
            let cc = if self.random.gen_ratio(1, 6) { "TH" } else { &parent[..2] };
            return grant(party, n)
                .with("parent", Value::from(parent))
                .with("rights", texts(&rights))
                .with("jurisdictions", texts(&[cc]))
                .with("depth", Value::Int(self.random.gen_range(0..4)))
                .with("untilMs", Value::Int(UNTIL_MS - self.random.gen_range(0..9)));
        }
        let all = self.accreditations();
        let suspended = |entry: &&Accreditation| entry.status == AccreditationStatus::Suspended;
        let resting: Vec<&str> = all
            .iter()
            .filter_map(|(id, entry)| Some(id.as_str()).filter(|_| suspended(&entry)))
            .collect();
        let id = match act {
            // few are suspended at any time
            "accreditation_reinstate" if !resting.is_empty() => self.pick(&resting).to_owned(),
            _ => format!("{party}/acc/{n}"),
        };
        let version = all.get(&id).map_or(1, |entry| entry.version);
        let args = change(&id, 0).with("version", self.due(version));
        if act != "accreditation_revoke" {
            return args;
        }
        args.with("effectiveMs", Value::Int(1_700_000_000_001))
    }

    fn list(&mut self, act: &str, party: &str) -> Value {
        if act == "list_create" {
            // two stand from the begin in every second walk
            let n = self.random.gen_range(1..=3);
            return list(party, n, PROFILES[usize::try_from(n - 1).expect("small") % 2]);
        }
        let version = self.read::<StatusList>(&credential::list_key(party, 1));
        let version = self.due(version.map_or(0, |list| list.version));
        let index = self.pick(&INDICES);
        let (old, new) = self.pick(&[(0, 1), (0, 1), (1, 0)]);
        let id = format!("{party}/status/1");
        set(&id, 0, &[[number(index), old, new, 0]]).with("version", version)
    }

    fn entry_use(&mut self, act: &str, party: &'static str) -> Value {
        let mut place = (party, self.pick(&INDICES));
        let height = self.scene.world.height;
        let lodged = |place: &(&'static str, u64)| {
            let (owner, index) = *place;
            let told = bits::status_at(&self.scene.world.state, owner, 2, index, height);
            told.is_ok_and(|status| status.value == 1)
        };
        let lodged: Vec<_> = self.uses().into_keys().filter(lodged).collect();
        if matches!(act, "use_utilise" | "use_release") && !lodged.is_empty() {
            place = self.pick(&lodged);
        }
        let (party, index) = place;
        let seq = self.read::<Use>(&credential::use_key(party, 2, index));
        Value::object([
            ("list", Value::from(format!("{party}/status/2"))),
            ("index", Value::from(index)),
            ("seq", self.due(seq.map_or(0, |entry| entry.seq))),
        ])
    }

    fn resource(&mut self, act: &str) -> Value {
        let (owner, version) = (self.pick(&["SG", "MY"]), self.random.gen_range(1..4));
        if act == "resource_deprecate" {
            return Value::object([("id", Value::from(format!("{owner}/schema/grade/{version}")))]);
        }
        // versions differ in their bytes
        let text = SCHEMA.replace("grade", self.pick(&["grade", "mark", "level"]));
        resource(owner, "jsonSchema", "grade", version, &text)
    }

    fn key(&mut self, act: &str, party: &'static str) -> Value {
        let entry = self.read::<PartyEntry>(&access::party_key(party)).expect("a party");
        // few seeds: many offers are of keys that stand somewhere already
        let seed = hash("titian test walk v1", &[&[self.random.gen_range(0..12_u8)]]).0;
        let world = &self.scene.world;
        let offer = world.new_key(party, seed, &["invoke", "assert"], &["vc.list_create"], 3);
        let offer = Value::List(vec![offer]);
        let no = Value::from(format!("k{}", self.random.gen_range(2..6)));
        let args =
            Value::object([("party", Value::from(party)), ("version", self.due(entry.version))]);
        match act {
            "key_bind" => args.with("keys", offer),
            "key_rotate" => {
                let overlap = self.random.gen_range(0..3_i64);
                args.with("add", offer)
                    .with("retire", Value::List(vec![no]))
                    .with("overlapS", Value::Int(overlap))
            }
            _ => {
                let reason = self.pick(&["retired", "compromised"]);
                args.with("key", no)
                    .with("reason", Value::from(reason))
                    .with("effectiveMs", Value::from(self.scene.world.time_ms))
            }
        }
    }

    /// All accreditations in state.
    fn accreditations(&self) -> BTreeMap<String, Accreditation> {
        let numbered = PARTIES.iter().flat_map(|grantee| (1..=20).map(move |n| (*grantee, n)));
        numbered
            .filter_map(|(grantee, n)| {
                let entry = self.read(&credential::accreditation_key(grantee, n))?;
                Some((credential::accreditation_id(grantee, n), entry))
            })
            .collect()
    }

    /// I1, I2 and I9.
    fn check_chains(&mut self) {
        let all = self.accreditations();
        check_narrow_and_sovereign(&all);
        // a revoked link stays as it is
        for (id, entry) in &self.seen.revoked {
            assert_eq!(all.get(id), Some(entry));
        }
        let revoked = all.iter().filter(|(_, entry)| entry.status == AccreditationStatus::Revoked);
        self.seen.revoked.extend(revoked.map(|(id, entry)| (id.clone(), entry.clone())));
        // below a link that is not active nothing counts
        let overlay = Overlay::new(&self.scene.world.state);
        for entry in all.values() {
            let active = chain::chain_active(&overlay, entry, self.scene.world.time_ms);
            let (mut link, mut whole) = (Some(entry), true);
            while let Some(at) = link {
                whole &= at.status == AccreditationStatus::Active;
                link = all.get(&at.parent);
            }
            assert_eq!(active, whole);
        }
    }

    /// I4 and I5, after an act by `signer` that found the uses of `before`.
    fn check_entries(&mut self, signer: &str, before: &BTreeMap<(&'static str, u64), Use>) {
        let height = self.scene.world.height;
        for (owner, n) in PARTIES.iter().flat_map(|owner| [(*owner, 1), (*owner, 2)]) {
            for index in INDICES {
                let state = &self.scene.world.state;
                let Ok(now) = bits::status_at(state, owner, n, index, height) else { continue };
                let lodged = self.read::<Use>(&credential::use_key(owner, 2, index));
                let known = self.seen.entries.entry((owner, n, index)).or_default();
                let old = known.last().map_or(0, |(_, value)| *value);
                if old == now.value {
                    continue;
                }
                known.push((height, now.value));
                let ams = &signer[..2];
                let lodger = |entry: Option<&Use>| entry.map(|entry| entry.lodged_by.clone());
                match (n, old, now.value) {
                    (1, 0, 1) | (2, 0, 3) => assert_eq!(ams, &owner[..2], "the owner's own"),
                    (2, 0, 1) => assert_eq!(lodger(lodged.as_ref()).as_deref(), Some(ams)),
                    (2, 1, 0 | 2) => {
                        let entry = before.get(&(owner, index));
                        assert_eq!(lodger(entry).as_deref(), Some(ams), "who lodged it");
                    }
                    other => panic!("{owner}/{n}#{index} moved {other:?}"),
                }
            }
        }
    }

    /// The uses in state.
    fn uses(&self) -> BTreeMap<(&'static str, u64), Use> {
        let places = PARTIES.iter().flat_map(|owner| INDICES.map(|index| (*owner, index)));
        places
            .filter_map(|(owner, index)| {
                Some(((owner, index), self.read(&credential::use_key(owner, 2, index))?))
            })
            .collect()
    }

    /// I3, of what states own and of what the region owns.
    fn check_resources(&mut self) {
        for (key, stored) in &self.scene.world.state.0 {
            if !key.starts_with(b"vc/res/") {
                continue;
            }
            let found: Resource = decode_content(&stored.content).expect("a resource");
            let bytes = self.seen.resources.entry(key.clone()).or_insert(found.bytes.clone());
            assert!(*bytes == found.bytes, "bytes of a version changed");
        }
    }

    /// I6: no key goes away, changes or comes back to life, and none stands twice.
    fn check_keys(&mut self) {
        let mut public = BTreeSet::new();
        for party in PARTIES {
            let entry = self.read::<PartyEntry>(&access::party_key(party)).expect("a party");
            for no in 1..=entry.keys {
                let key = self.read::<KeyEntry>(&access::key_key(party, no)).expect("a key");
                assert!(public.insert(key.public_key.clone()), "a key stands twice");
                if let Some(known) = self.seen.keys.insert((party, no), key.clone()) {
                    assert_eq!(key.public_key, known.public_key, "{party}#k{no}");
                    assert!(key.state >= known.state, "{party}#k{no} came back");
                    assert!(key.ends_ms <= known.ends_ms, "{party}#k{no} was prolonged");
                }
            }
            let ids = self.seen.keys.keys().filter(|(of, _)| *of == party);
            assert_eq!(ids.count() as u64, entry.keys, "no number was given twice");
        }
    }

    /// I7: what the deltas tell of every height is what was seen then.
    fn check_history(&self) {
        let world = &self.scene.world;
        for ((owner, n, index), changes) in &self.seen.entries {
            let list: StatusList = self.read(&credential::list_key(owner, *n)).expect("a list");
            for height in list.created_height..=world.height {
                let told = bits::status_at(&world.state, owner, *n, *index, height);
                let seen = changes.iter().rfind(|(at, _)| *at <= height);
                let value = told.expect("history is whole").value;
                assert_eq!(value, seen.map_or(0, |(_, value)| *value), "{owner}/{n} at {height}");
            }
        }
    }
}

/// I1 and I2, told from state alone.
fn check_narrow_and_sovereign(all: &BTreeMap<String, Accreditation>) {
    for (id, entry) in all {
        assert_eq!(entry.grantee[..2], entry.grantor[..2], "{id} crosses a border");
        let Some(parent) = all.get(&entry.parent) else {
            assert_eq!(entry.parent, entry.grantee[..2], "{id} hangs in the air");
            assert_eq!(entry.jurisdictions, std::slice::from_ref(&entry.parent));
            continue;
        };
        assert_eq!(parent.grantee, entry.grantor);
        assert!(entry.rights.iter().all(|right| parent.rights.contains(right)), "{id}");
        assert!(entry.types.iter().all(|name| parent.types.contains(name)), "{id}");
        assert!(entry.jurisdictions.iter().all(|cc| parent.jurisdictions.contains(cc)), "{id}");
        assert!(entry.from_ms >= parent.from_ms && entry.until_ms <= parent.until_ms, "{id}");
        assert!(entry.depth < parent.depth, "{id}");
    }
}

#[test]
fn vc_t10_random_acts_by_random_keys_keep_the_invariants() {
    let mut outcomes: BTreeSet<(&str, bool)> = BTreeSet::new();
    let walks = u64::from(cases(64).cases);
    for seed in 0..walks {
        println!("seed {seed}");
        let mut walk = Walk::new(seed);
        for _ in 0..STEPS {
            let before = walk.uses();
            let (act, signer, applied) = walk.step();
            outcomes.insert((act, applied));
            walk.check_chains();
            walk.check_entries(signer, &before);
            walk.check_resources();
            walk.check_keys();
        }
        walk.check_history();
    }
    // each act was applied at least once, and refused at least once
    let missing = ACTS.iter().flat_map(|act| [(*act, true), (*act, false)]);
    let missing: Vec<_> = missing.filter(|one| !outcomes.contains(one)).collect();
    assert!(walks < 64 || missing.is_empty(), "{missing:?}");
}
