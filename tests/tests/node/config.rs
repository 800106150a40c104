//! The configuration file of a node.

use std::path::Path;

use titian_node::config::{
    Config, ConfigError, LogFormat, NodeKind, unknown_variable, variable_name,
};

const FILE: &str = "/etc/titian/titian-node.toml";

fn read(text: &str) -> Result<Config, ConfigError> {
    Config::read(Path::new(FILE), text, |_| None)
}

fn read_with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(Path::new(FILE), "", |name| {
        let found = variables.iter().find(|(given, _)| *given == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_column() {
    let text = "[rpc]\nlisten = \"127.0.0.1:1\"\n  lisen = 1\n";
    let Err(ConfigError::Place { line, column, reason, .. }) = read(text) else {
        panic!("a place is expected");
    };
    assert_eq!((line, column), (3, 3));
    assert!(reason.contains("lisen"), "{reason}");
    let Err(ConfigError::Place { line, column, .. }) = read("\n[rcp]\n") else {
        panic!("a place is expected");
    };
    assert_eq!((line, column), (2, 2));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_at_its_place() {
    let Err(fault) = read("[consensus]\nblock_time_ms = \"soon\"\n") else {
        panic!("it must be refused");
    };
    assert!(fault.to_string().starts_with(&format!("{FILE}:2:17: ")), "{fault}");
}

#[test]
fn the_printed_defaults_read_back_as_the_defaults_and_document_every_key() {
    let printed = Config::default().annotated();
    let again: Config = toml_of(&printed);
    assert_eq!(again, Config::default());
    for (section, key, help) in Config::keys() {
        assert!(printed.contains(&format!("# {help}\n{key} = ")), "{section}.{key}");
        assert!(help.ends_with('.'), "{section}.{key}");
    }
}

fn toml_of(text: &str) -> Config {
    // Paths are resolved against the folder of the file: none here.
    Config::read(Path::new("titian-node.toml"), text, |_| None).expect("it reads")
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let config = read("[node]\ndata_dir = \"/var/lib/titian\"\n").expect("it reads");
    assert_eq!(config.node.data_dir, Path::new("/var/lib/titian"));
    assert_eq!(config.node.genesis, Path::new("/etc/titian/genesis.json"));
}

#[test]
fn the_environment_comes_before_the_file() {
    let peer = "/ip4/10.0.0.1/tcp/26601/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
    let config = read_with(&[
        ("TITIAN_CONSENSUS_BLOCK_TIME_MS", "100"),
        ("TITIAN_NODE_KIND", "archive"),
        ("TITIAN_LOG_FORMAT", "json"),
        ("TITIAN_RPC_LISTEN", "0.0.0.0:9"),
        ("TITIAN_GOSSIP_PEERS", &format!("{peer}, ")),
    ])
    .expect("it reads");
    assert_eq!(config.consensus.block_time_ms, 100);
    assert_eq!(config.node.kind, NodeKind::Archive);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.rpc.listen.port(), 9);
    assert_eq!(config.gossip.peers, [peer]);
    assert_eq!(config.gossip_peers().len(), 1);

    for (name, value) in [
        ("TITIAN_RPC_LISTEN", "here"),
        ("TITIAN_MEMPOOL_BYTES_MAX", "much"),
        ("TITIAN_NODE_KIND", "thin"),
    ] {
        let fault = read_with(&[(name, value)]).expect_err("it must be refused");
        assert!(matches!(&fault, ConfigError::Variable { name: named, .. } if named == name));
    }
    assert_eq!(variable_name("node", "data_dir"), "TITIAN_NODE_DATA_DIR");
}

#[test]
fn an_integrator_has_a_name_a_key_and_scopes() {
    let key = ed25519_dalek::SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
    let granted = "etr:read vc:issue did:ubin:SG:CUSTOMS SG-UEN-209900001K-SU";
    let text = format!("[rpc]\nintegrators = [\"erp {} {granted}\"]\n", hex::encode(key));
    let integrators = read(&text).expect("it is sound").integrators();
    let [erp] = integrators.as_slice() else { panic!("{integrators:?}") };
    assert_eq!((erp.name.as_str(), erp.public_key), ("erp", key));
    assert_eq!(erp.scopes, ["etr:read", "vc:issue"]);
    assert_eq!(
        (erp.issuers.len(), erp.parties.as_slice()),
        (1, &["SG-UEN-209900001K-SU".to_owned()][..])
    );
    let without_scope = format!("[rpc]\nintegrators = [\"erp {}\"]\n", hex::encode(key));
    assert!(read(&without_scope).is_err());
}

#[test]
fn plain_http_stays_on_this_machine() {
    for (listen, tls, expected) in [
        ("127.0.0.1:1", false, false),
        ("127.0.0.1:1", true, true),
        ("[::1]:1", false, false),
        ("0.0.0.0:1", false, true),
        ("[::]:1", false, true),
        ("192.0.2.1:1", false, true),
    ] {
        let config = read(&format!("[rpc]\nlisten = \"{listen}\"\ntls = {tls}\n"));
        assert_eq!(config.expect("it reads").needs_tls(), expected, "{listen}");
    }
}

#[test]
fn an_issuer_states_keys_policy_and_for_each_type_a_purpose_and_its_legal_basis() {
    const KIND: &str = "[[issuer.type]]\nname = \"T\"\npurpose = \"p\"\nlegal_basis = \"l\"\n";
    let issuer = |more: &str| format!("[[issuer]]\nname = \"a\"\nkey_file = \"a.key\"\n{more}");
    let ubin = "did = \"did:ubin:SG:ACRA\"\nkey = \"k1\"\n";
    let config = read(&issuer(&format!("{ubin}{KIND}"))).expect("it is sound");
    let [read_back] = config.issuer.as_slice() else { panic!("{:?}", config.issuer) };
    assert_eq!((read_back.form.as_str(), read_back.policy.as_str()), ("eddsa-jcs-2022", "ledger"));
    assert_eq!(read_back.key_file, Path::new("/etc/titian/a.key"));
    let any = KIND.replace("\"T\"", "\"*\"");
    let lab = format!("did = \"did:key:z6Mk\"\npolicy = \"w3c\"\n{any}");
    read(&issuer(&lab)).expect("it is sound");
    for (more, what) in [
        (ubin.to_owned(), "type: 1 to 64"),
        (format!("{ubin}{}", KIND.replace("\"p\"", "\" \"")), "purpose and legal_basis"),
        (format!("{ubin}{any}"), "type.name"),
        (format!("did = \"did:ubin:SG:ACRA\"\n{KIND}"), "key: the number"),
        (format!("did = \"did:key:z6Mk\"\n{KIND}"), "policy: w3c"),
        (format!("did = \"did:web:example.org\"\npolicy = \"w3c\"\n{any}"), "did: did:ubin"),
        (format!("{ubin}form = \"ldp_vc\"\n{KIND}"), "form: "),
        (format!("{ubin}lists = [\"SG:CUSTOMS/status/1\"]\n{KIND}"), "lists: "),
        (format!("{ubin}act_key = \"k2\"\n{KIND}"), "act_key and act_key_file"),
    ] {
        let Err(ConfigError::Values { problems }) = read(&issuer(&more)) else {
            panic!("{more} must be refused");
        };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].starts_with("issuer a: ") && problems[0].contains(what),
            "{problems:?}"
        );
    }
}

#[test]
fn limits_are_tightened_never_widened() {
    let good = [
        "[mempool]\ntransactions_max = 20000\nbytes_max = 67108864\nage_ms_max = 120000\n",
        "[mempool]\ntransactions_max = 1\nbytes_max = 524544\nage_ms_max = 1000\n",
        "[rpc]\nconnections_max = 1024\nconnections_per_address_max = 100\n",
        "[consensus]\nblock_time_ms = 50\n",
    ];
    for text in good {
        read(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    }
    let bad = [
        ("[mempool]\ntransactions_max = 20001\n", "mempool.transactions_max"),
        ("[mempool]\ntransactions_max = 0\n", "mempool.transactions_max"),
        ("[mempool]\nbytes_max = 67108865\n", "mempool.bytes_max"),
        ("[mempool]\nbytes_max = 131327\n", "mempool.bytes_max"),
        ("[mempool]\nage_ms_max = 120001\n", "mempool.age_ms_max"),
        ("[rpc]\nconnections_max = 1025\n", "rpc.connections_max"),
        ("[rpc]\nintegrators = [\"erp 00ff etr:read\"]\n", "rpc.integrators"),
        ("[rpc]\nconnections_per_address_max = 101\n", "rpc.connections_per_address_max"),
        ("[consensus]\nblock_time_ms = 49\n", "consensus.block_time_ms"),
        ("[consensus]\npeers = [\"/ip4/10.0.0.1/tcp/1\"]\n", "consensus.peers"),
        ("[gossip]\npeers = [\"10.0.0.1\"]\n", "gossip.peers"),
        ("[gossip]\nlisten = \"nowhere\"\n", "gossip.listen"),
        ("[log]\nlevel = \"in=fo=\"\n", "log.level"),
    ];
    for (text, key) in bad {
        let Err(ConfigError::Values { problems }) = read(text) else {
            panic!("{text} must be refused");
        };
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(key), "{problems:?}");
    }
}

#[test]
fn a_variable_of_a_section_that_names_none_of_its_keys_is_found() {
    let found = |names: &[&str]| unknown_variable(names.iter().map(|name| (*name).to_owned()));
    let known = Config::keys().map(|(section, key, _)| variable_name(section, key));
    assert_eq!(unknown_variable(known), None, "every key");
    for others in ["TITIAN_NODE", "TITIAN_PASSPHRASE", "TITIAN_CONFIG", "RPC_LISTEN", "PATH"] {
        assert_eq!(found(&[others]), None, "{others} is no variable of a section");
    }
    for slip in ["TITIAN_RPC_FOO", "TITIAN_RPC_LISTENS", "TITIAN_NODE_", "TITIAN_LOG_level"] {
        assert_eq!(found(&["TITIAN_RPC_LISTEN", slip]).as_deref(), Some(slip));
    }
}

#[test]
fn an_empty_log_level_is_refused() {
    for level in ["", "  "] {
        let Err(fault) = read(&format!("[log]\nlevel = \"{level}\"\n")) else {
            panic!("it must be refused");
        };
        assert!(fault.to_string().starts_with("log.level: "), "{fault}");
        assert!(titian_node::telemetry::parse_level(level).is_err());
    }
}
