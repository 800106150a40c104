//! The operator's commands, as a shell would call them.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use titian_node::command::run_with;
use titian_node::ledger::Ledger;
use titian_tests::world::World;

use crate::program::{program, titian_node};

fn call(arguments: &[&str]) -> u8 {
    run_with(std::iter::once("titian-node").chain(arguments.iter().copied()).map(Into::into))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the temporary folder has a plain name")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn init_makes_keys_and_configuration_once_and_leaves_them_alone_afterwards() {
    let at = folder();
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    let files = ["titian-node.toml", "validator.key", "network.key"];
    let read = || files.map(|file| std::fs::read(at.path().join(file)).expect("it was made"));
    let made = read();
    assert_ne!(made[1], made[2], "two keys");
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    assert_eq!(read(), made);
}

#[test]
fn the_exit_code_tells_what_kind_of_failure_it_is() {
    let at = folder();
    assert_eq!(call(&["--help"]), 0);
    assert_eq!(call(&["conjure"]), 2);
    for not_built in ["backup", "rollback"] {
        assert_eq!(call(&[not_built]), 2, "{not_built}");
    }
    assert_eq!(call(&["restore"]), 2, "no folder");
    let config = at.path().join("titian-node.toml");
    assert_eq!(call(&["check-config", "--config", text(&config)]), 2, "no file");
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    assert_eq!(call(&["check-config", "--config", text(&config)]), 1, "no genesis");
    assert_eq!(call(&["verify-db", "--config", text(&config)]), 1, "no genesis");
    assert_eq!(call(&["prune", "--config", text(&config)]), 1, "no genesis");
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("bound").port()
    };
    std::fs::write(&config, format!("[rpc]\nlisten = \"127.0.0.1:{port}\"\n")).expect("written");
    assert_eq!(call(&["status", "--config", text(&config)]), 4, "no node");
    std::fs::write(&config, "[rpc]\nlisen = 1\n").expect("written");
    assert_eq!(call(&["run", "--check", "--config", text(&config)]), 2, "unknown key");
}

/// The template of a ceremony of these members.
fn template(at: &Path, chain: &str, members: &str) -> PathBuf {
    let template = at.join("template.toml");
    let content = format!(
        "chain = \"{chain}\"\ntime-ms = 1782864000000\napp-version = 1\n\
         unicode-version = \"14.0.0\"\nsandbox = true\nmembers = {members}\n"
    );
    std::fs::write(&template, content).expect("written");
    template
}

/// The contribution of one state with two root keys and a validator.
fn contribute(at: &Path, cc: &str) -> String {
    let keys = at.join(cc);
    for name in ["root1", "root2", "node"] {
        assert_eq!(call(&["init", "--dir", text(&keys.join(name))]), 0);
    }
    let draft = keys.join("draft.toml");
    let content = format!(
        "cc = \"{cc}\"\nname = \"State of {cc}\"\nroot-k = 2\n\
         root-keys = [\"root1/validator.key\", \"root2/validator.key\"]\n\
         [[registers]]\nscheme = \"SUR\"\nregister-domain = \"register.example\"\n\
         [validator]\nvalidator-key = \"node/validator.key\"\nnetwork-key = \"node/network.key\"\n\
         consensus = \"/ip4/127.0.0.1/tcp/26600\"\ngossip = \"/ip4/127.0.0.1/tcp/26601\"\n"
    );
    std::fs::write(&draft, content).expect("written");
    let output = at.join(format!("{cc}.json"));
    let template = at.join("template.toml");
    let arguments =
        ["genesis", "contribute", "--template", text(&template), "--draft", text(&draft), "-o"];
    assert_eq!(call(&[&arguments[..], &[text(&output)]].concat()), 0);
    text(&output).to_owned()
}

#[test]
fn two_persons_who_assemble_the_same_inputs_get_the_same_bytes_and_differences_are_found() {
    let at = folder();
    let template = template(at.path(), "ceremony-1", r#"["SG", "MY"]"#);
    let (sg, my) = (contribute(at.path(), "SG"), contribute(at.path(), "MY"));
    let (first, second) = (at.path().join("first.json"), at.path().join("second.json"));
    let assemble = |output: &Path, contributions: [&str; 2]| {
        let arguments = ["genesis", "assemble", "--template", text(&template), "-o", text(output)];
        call(&[&arguments[..], &contributions].concat())
    };
    assert_eq!(assemble(&first, [&sg, &my]), 0);
    assert_eq!(assemble(&second, [&my, &sg]), 0);
    let read = |path: &Path| std::fs::read(path).expect("it was made");
    assert_eq!(read(&first), read(&second));
    assert_eq!(assemble(&first, [&sg, &my]), 1, "never overwritten");
    let genesis = titian_genesis::Genesis::parse(&read(&first)).expect("a genesis");
    for member in &genesis.members {
        let [register] = member.registers.as_slice() else { panic!("{}: one register", member.cc) };
        assert_eq!(register.scheme, "SUR");
        assert_eq!(register.domain.as_deref(), Some("register.example"));
        assert_eq!(register.did, None);
    }

    let check = |contributions: [&str; 2]| {
        let arguments = ["genesis", "check", text(&first), "--template", text(&template)];
        call(&[&arguments[..], &contributions].concat())
    };
    assert_eq!(call(&["genesis", "check", text(&first)]), 0);
    assert_eq!(check([&sg, &my]), 0);
    let other = folder();
    std::fs::copy(&template, other.path().join("template.toml")).expect("copied");
    let other_my = contribute(other.path(), "MY");
    assert_eq!(check([&sg, &other_my]), 1, "other keys, another genesis");
}

#[test]
fn an_address_that_nobody_can_dial_is_refused_before_the_contribution_is_written() {
    let at = folder();
    let template = template(at.path(), "ceremony-2", r#"["SG"]"#);
    contribute(at.path(), "SG");
    let draft = at.path().join("SG/draft.toml");
    let good = std::fs::read_to_string(&draft).expect("the draft");
    let wrong = good.replace("/ip4/127.0.0.1/tcp/26600", "127.0.0.1:26600");
    assert_ne!(good, wrong);
    std::fs::write(&draft, wrong).expect("written");
    let output = at.path().join("again.json");
    let arguments = ["genesis", "contribute", "--template", text(&template), "--draft"];
    let ran =
        titian_node(at.path(), &[&arguments, &[text(&draft), "-o", text(&output)][..]].concat());
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("/validator/consensus"), "{}", ran.stderr);
    assert!(!output.exists(), "nothing is written");
    for members in ["SG,SG", "SG,XX", "sg"] {
        let arguments = ["genesis", "template", "--chain", "ceremony-3", "--members", members];
        assert_eq!(
            call(&[&arguments[..], &["--time-ms", "1782864000000"]].concat()),
            2,
            "{members}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let at = folder();
    for arguments in [
        &["init", "--print-config"][..],
        &["init"],
        &["genesis", "template", "--chain", "abc", "--members", "SG", "--time-ms", "1782864000000"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let status = program("titian-node", at.path()).args(arguments).stdout(writer).status();
        assert_eq!(status.expect("the binary runs").code(), Some(0), "{arguments:?}");
    }
    // who cannot be told is refused all the same
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = program("titian-node", at.path());
    let status = command.args(["check-config", "--config", "none.toml"]).stderr(writer).status();
    assert_eq!(status.expect("the binary runs").code(), Some(2));
}

#[test]
fn check_config_refuses_what_run_refuses_and_says_who_votes() {
    use std::os::unix::fs::PermissionsExt as _;
    let at = folder();
    assert_eq!(call(&["init", "--dir", text(at.path())]), 0);
    let file = |name: &str| at.path().join(name);
    let genesis = World::new().genesis;
    std::fs::write(file("genesis.json"), genesis.to_bytes()).expect("written");
    let check = || titian_node(at.path(), &["check-config"]);
    let refused = |what: &str| {
        let ran = check();
        assert_eq!(ran.code, 1, "{what}: {}", ran.stdout);
        assert!(ran.stderr.contains(what), "{what}: {}", ran.stderr);
    };
    let good = |what: &str| {
        let ran = check();
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        assert!(ran.stdout.contains(what) && ran.stdout.contains("is in order"), "{}", ran.stdout);
    };
    good("observes");
    let world = World::new();
    let seed = hex::encode(world.nodes[0].vote_seed);
    std::fs::write(file("validator.key"), seed).expect("written");
    good("votes as SG");

    // secrets that others may read, or that are none
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(mode)).expect("set");
    };
    std::fs::write(file("admin.secret"), "00".repeat(32)).expect("written");
    mode("admin.secret", 0o644);
    refused("admin.secret");
    mode("admin.secret", 0o600);
    good("votes as SG");
    std::fs::write(file("admin.secret"), "short").expect("written");
    refused("admin.secret");
    std::fs::remove_file(file("admin.secret")).expect("removed");

    // TLS, where it is spoken
    std::fs::write(file("tls.crt"), "junk").expect("written");
    good("votes as SG");
    let config = file("titian-node.toml");
    std::fs::write(&config, "[rpc]\ntls = true\n").expect("written");
    refused("tls.key");
    std::fs::write(file("tls.key"), "junk").expect("written");
    mode("tls.key", 0o644);
    refused("chmod 600");
    mode("tls.key", 0o600);
    refused("tls.crt");
    std::fs::write(&config, "").expect("written");

    // a genesis of which no state comes, and a database of another network
    let value = genesis.value.with(
        "registers",
        titian_contracts::json::Value::object(Vec::<(&str, titian_contracts::json::Value)>::new()),
    );
    std::fs::write(file("genesis.json"), value.to_jcs()).expect("written");
    refused("/registers");
    std::fs::write(file("genesis.json"), genesis.to_bytes()).expect("written");
    std::fs::create_dir(file("data")).expect("made");
    Ledger::open(&file("data/ledger"), genesis.clone()).expect("it opens").finish();
    good("database of height 0");
    let later =
        genesis.value.with("timeMs", titian_contracts::json::Value::from(genesis.time_ms + 1));
    std::fs::write(file("genesis.json"), later.to_jcs()).expect("written");
    refused("another genesis");
}
