//! Judgements over claims as proofs prove them: what a forger may leave out, replace or add.

use titian_contracts::json::parse;

use super::super::fixed_genesis;
use super::*;

const ID: &str = "etr_1";
const HEAD: &str = "b3:0000000000000000000000000000000000000000000000000000000000000000";
const HEIGHT: u64 = 9;

fn public(id: &str, status: &str) -> Value {
    let members = [
        ("head", HEAD),
        ("home", "SG"),
        ("id", id),
        ("profile", "bl-order@1"),
        ("regime", "SG-ETA-2A"),
        ("status", status),
    ];
    Value::object(members.map(|(name, text)| (name, Value::from(text))))
}

fn about(id: &str) -> Value {
    Value::object([("id", Value::from(id)), ("public", public(id, "active"))])
}

fn answered(audience: &str, nonce: &str) -> Value {
    let answer = [("audience", audience), ("nonce", nonce)];
    about(ID).with("challenge", Value::object(answer.map(|(n, text)| (n, Value::from(text)))))
}

/// A dossier in the making: its files, and what the proofs among them prove.
#[derive(Clone)]
struct Scene {
    files: Files,
    proven: BTreeMap<String, Proven>,
    refused: BTreeMap<String, String>,
}

impl Scene {
    /// What a controller's dossier holds.
    fn whole(genesis: &Genesis) -> Self {
        let mut scene =
            Self { files: Files::new(), proven: BTreeMap::new(), refused: BTreeMap::new() };
        let history = parse(
            br#"{"ops":[{"act":"offer","args":{},"place":"VNSGN","sigs":[]}],
                "times":[{"height":3,"ms":1000,"seq":1}]}"#,
        );
        let history = history.expect("JSON").with("id", Value::from(ID));
        let history = history.with("public", public(ID, "active"));
        let op = digest_of(Register::Etr, &list(&history, "ops")[0]);
        let signed = Value::List(vec![Value::object([("digest", Value::from(op))])]);
        let lineage = Value::object([("id", Value::from("etr_0")), ("of", Value::from(ID))]);
        let profile = profiles::etr_profiles().swap_remove(0);
        let rules = public(ID, "active").with("profileValue", profile);
        scene.prove(STATUS, "etr-status", about(ID));
        scene.prove(CONTROL, "etr-control", answered(AUDIENCE, &layout::nonce(HEAD, HEIGHT)));
        scene.prove(HISTORY, "etr-history", history.clone());
        scene.prove(SINGULARITY, "etr-singularity", lineage);
        scene.prove(RULES, "etr-rules", rules.clone());
        let signers = Value::object([("ops", signed)]);
        scene.prove(&layout::signers(ID, 3), "etr-signers", signers);
        scene.at(&layout::signers(ID, 3), 3);
        scene.files.extend(derived(&history).map(|(name, made)| (name.to_owned(), made)));
        let (name, made) = profile_files(&rules).swap_remove(0);
        scene.files.insert(name.to_owned(), made);
        scene.files.insert(VALIDATORS.to_owned(), validators(genesis));
        scene.told(genesis)
    }

    fn prove(&mut self, name: &str, kind: &str, claim: Value) {
        self.files.insert(name.to_owned(), b"{}".to_vec());
        let (kind, time_ms) = (kind.to_owned(), 1_767_225_600_000);
        self.proven.insert(name.to_owned(), Proven { kind, height: HEIGHT, time_ms, claim });
    }

    fn at(&mut self, name: &str, height: u64) {
        self.proven.get_mut(name).expect("it is there").height = height;
    }

    fn drop(&mut self, name: &str) {
        assert!(self.files.remove(name).is_some(), "{name}");
        self.proven.remove(name);
    }

    /// With the plain words that follow from its proofs, as a careful forger writes them.
    fn told(mut self, genesis: &Genesis) -> Self {
        let words = plain::of(&self.proven, genesis).unwrap_or_default();
        self.files.insert(PLAIN.to_owned(), words.into_bytes());
        self
    }

    fn judged(&self, genesis: &Genesis) -> (String, Vec<String>, Vec<String>) {
        judge(ID, &self.files, &self.proven, &self.refused, genesis)
    }
}

#[test]
fn etr_a_whole_dossier_holds_and_names_what_is_not_there() {
    let genesis = fixed_genesis();
    let scene = Scene::whole(&genesis);
    let (text, faults, given) = scene.judged(&genesis);
    assert_eq!((faults, given), (Vec::new(), Vec::new()), "{text}");
    assert!(!text.contains("ABSENT"), "{text}");
    for name in [CONTROL, HISTORY, RULES, SINGULARITY] {
        let mut less = scene.clone();
        less.drop(name);
        // what follows from it goes with it
        match name {
            HISTORY => {
                let signers = layout::signers(ID, 3);
                for name in [HEADS, ROLES, COURT_EVENTS, &signers] {
                    less.drop(name);
                }
            }
            RULES => less.drop(PROFILE[0]),
            _ => {}
        }
        let (text, faults, _) = less.told(&genesis).judged(&genesis);
        assert_eq!(faults, Vec::<String>::new(), "{text}");
        assert!(text.lines().any(|line| line.starts_with(&format!("ABSENT {name}: "))), "{text}");
    }
    let mut less = scene;
    less.drop(&layout::signers(ID, 3));
    let (text, ..) = less.judged(&genesis);
    assert!(text.contains("\nABSENT 12-access/etr_1-0000000003.proof.json: "), "{text}");
}

#[test]
fn etr_proofs_of_another_record_moment_or_kind_are_no_part_of_a_dossier() {
    let genesis = fixed_genesis();
    let whole = Scene::whole(&genesis);
    let nonce = layout::nonce(HEAD, HEIGHT);
    let earlier = layout::nonce(HEAD, HEIGHT - 1);
    let moved = public(ID, "active").with("seq", Value::Int(1));
    let other_rules = whole.proven[RULES].claim.with("home", Value::from("MY"));
    let claims = [
        (CONTROL, "etr-control", answered("EXAMPLE BANK", &nonce)),
        (CONTROL, "etr-control", answered(AUDIENCE, &earlier)),
        (CONTROL, "etr-control", answered(AUDIENCE, &nonce).with("id", Value::from("etr_2"))),
        (CONTROL, "etr-control", answered(AUDIENCE, &nonce).with("public", moved.clone())),
        (CONTROL, "etr-status", about(ID)),
        (HISTORY, "etr-history", whole.proven[HISTORY].claim.with("public", moved)),
        (HISTORY, "etr-history", whole.proven[HISTORY].claim.with("id", Value::from("etr_2"))),
        (SINGULARITY, "etr-singularity", Value::object([("of", Value::from("etr_2"))])),
        (SINGULARITY, "etr-singularity", Value::object([("id", Value::from(ID))])),
        (RULES, "etr-rules", other_rules),
        (STATUS, "etr-status", about("etr_2")),
        (STATUS, "etr-status", Value::object([("id", Value::from(ID))])),
    ];
    for (name, kind, claim) in claims {
        let mut scene = whole.clone();
        scene.prove(name, kind, claim);
        let (text, faults, _) = scene.told(&genesis).judged(&genesis);
        let says = format!("DIFFERS {name}: ");
        assert!(faults.iter().any(|fault| fault.starts_with(&says)), "{text}");
    }
    // a control proof of before, whoever held the record then
    for (name, height) in [(CONTROL, 8), (HISTORY, 10), (RULES, 8), (SINGULARITY, 1)] {
        let mut scene = whole.clone();
        scene.at(name, height);
        let (text, faults, _) = scene.told(&genesis).judged(&genesis);
        let says = format!("DIFFERS {name}: of height {height}, not of 9");
        assert!(faults.contains(&says), "{text}");
    }
    let signers = layout::signers(ID, 3);
    let mut scene = whole.clone();
    scene.at(&signers, 4);
    assert_eq!(scene.judged(&genesis).1.len(), 1, "keys as of another height");
    // nobody is in control of a record that has ended
    let mut scene = whole.clone();
    let ended = Value::object([("id", Value::from(ID)), ("public", public(ID, "dead"))]);
    scene.prove(STATUS, "etr-status", ended.clone());
    let challenge = whole.proven[CONTROL].claim.get("challenge").cloned().expect("set");
    scene.prove(CONTROL, "etr-control", ended.with("challenge", challenge));
    let (text, faults, _) = scene.told(&genesis).judged(&genesis);
    let says = format!("DIFFERS {CONTROL}: the record has ended, nobody is in control");
    assert!(faults.contains(&says), "{text}");
    // what does not verify
    let mut scene = whole;
    scene.proven.remove(HISTORY);
    scene.refused.insert(HISTORY.to_owned(), "the certificate does not verify".to_owned());
    let (_, faults, _) = scene.told(&genesis).judged(&genesis);
    let says = format!("NOT PROVEN {HISTORY}: the certificate does not verify");
    assert!(faults.contains(&says), "{faults:#?}");
}

#[test]
fn etr_what_follows_from_proofs_must_be_there_to_the_byte() {
    let genesis = fixed_genesis();
    let whole = Scene::whole(&genesis);
    for name in [HEADS, ROLES, COURT_EVENTS, VALIDATORS, PLAIN, PROFILE[0]] {
        let mut scene = whole.clone();
        // a comment changes no profile, and says what nobody registered
        let mut bytes = b"# bearer title is void under this profile\n".to_vec();
        bytes.extend_from_slice(&scene.files[name]);
        scene.files.insert(name.to_owned(), bytes);
        let (text, faults, _) = scene.judged(&genesis);
        let says = format!("DIFFERS {name}: ");
        assert!(faults.len() == 1 && faults[0].starts_with(&says), "{text}");
        scene.drop(name);
        let (text, faults, _) = scene.judged(&genesis);
        let says = format!("MISSING {name}: ");
        assert!(faults.len() == 1 && faults[0].starts_with(&says), "{text}");
    }
    let mut scene = whole;
    scene.drop(STATUS);
    let (text, faults, _) = scene.told(&genesis).judged(&genesis);
    assert!(faults[0].starts_with(&format!("MISSING {STATUS}: ")), "{text}");
}

#[test]
fn etr_a_file_that_nothing_speaks_of_is_given_or_refused() {
    let genesis = fixed_genesis();
    let whole = Scene::whole(&genesis);
    let audit = b"all is well".to_vec();
    for name in ["14-audit/audit.txt", "20-in-fact/control.txt", "30-plain/summary.txt"] {
        let mut scene = whole.clone();
        scene.files.insert(name.to_owned(), audit.clone());
        let (text, faults, given) = scene.judged(&genesis);
        assert_eq!((faults, given), (Vec::new(), vec![name.to_owned()]), "{text}");
        let says = format!("GIVEN {name}: {}, not checked", sha256(&audit));
        assert!(text.lines().any(|line| line == says), "{text}");
    }
    let other = layout::signers("etr_2", 3);
    for name in
        ["../../etc/x", "x", "17-more/x", PROFILE[1], &layout::parent_history("etr_2"), &other]
    {
        let mut scene = whole.clone();
        scene.files.insert(name.to_owned(), audit.clone());
        let (text, faults, given) = scene.judged(&genesis);
        assert_eq!(faults, [format!("REFUSED {name:?}: no file of this dossier")], "{text}");
        assert_eq!(given, Vec::<String>::new());
    }
}

#[test]
fn etr_each_head_leads_on_from_the_one_before_also_where_an_op_names_another() {
    let op = |act: &str, head: &str| {
        let empty: [(&str, Value); 0] = [];
        let members = [("act", act), ("chain", "c"), ("head", head), ("register", "etr")];
        Value::object(members.map(|(name, text)| (name, Value::from(text))))
            .with("args", Value::object(empty))
            .with("sigs", Value::List(Vec::new()))
    };
    // of the other record of the merger
    let other = hash("titian document v1", &[b"other"]).to_string();
    let ops = vec![op("issue", HEAD), op("merge", &other)];
    let digests: Vec<Digest> = ops.iter().map(|op| digest_of(Register::Etr, op)).collect();
    let text = heads(&Value::object([("ops", Value::List(ops))]));
    let first = content::next_head(Digest::parse(HEAD).expect("a digest"), digests[0]);
    let second = content::next_head(first, digests[1]);
    let lines = [
        format!("1 issue: {HEAD} + {} = {first}", digests[0]),
        format!("2 merge: {first} + {} = {second}", digests[1]),
    ];
    assert_eq!(text, format!("{}\n", lines.join("\n")));
}
