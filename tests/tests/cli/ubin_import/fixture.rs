//! A ledger to import into, and made-up rows: good ones, and bad ones of every kind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use titian_node::store::Head;
use titian_tests::served::Served;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::{Ran, titian_in};

/// Rows that keep the rules.
pub(super) const GOOD_LINES: usize = 1_000;
/// Rows that do not.
pub(super) const BAD_LINES: usize = 50;
/// Seed of the order of good and bad rows.
const SEED: u64 = 13;

/// The headers of the file; `MAP` names them.
const HEADERS: &str = "uen,entity_name,entity_status,incorporated,entity_type,size,street,city,\
                       postcode,ssic,kind,common_status,ended,lei,region,effective,trade_name,\
                       trade_type,elf,version,language";
const MAP: &str = r#"
cc = "SG"
scheme = "UEN"
dates = "%d/%m/%Y"

[columns]
local_id = "uen"
legal_name = "entity_name"
status_national = "entity_status"
registered_on = "incorporated"
form_national = "entity_type"
size_class = "size"
address_1 = "street"
city = "city"
postal_code = "postcode"
isic = "ssic"
category = "kind"
status = "common_status"
ended_on = "ended"
lei = "lei"
region = "region"
valid_from = "effective"
other_name_1 = "trade_name"
other_name_1_type = "trade_type"
form_elf = "elf"
version = "version"
legal_name_lang = "language"

[defaults]
category = "GENERAL"
legal_name_lang = "en"
other_name_1_lang = "en"
source_as_of = "30/06/2026"
"#;

/// A ledger served in this process, and a folder with a wallet of its registrars.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    served: Option<Served>,
    runtime: Runtime,
    url: String,
}

impl Bench {
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let served = runtime.block_on(Served::start());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = |party: &str, number: u64| {
            json!({
                "party": party,
                "number": number,
                "officer": number,
                "purposes": ["invoke"],
                "scopes": ["ubin.*"],
                "secret": URL_SAFE_NO_PAD.encode(served.world.key(party, number).to_bytes()),
            })
        };
        let keys = [
            ("SG", 1),
            ("SG", 2),
            ("SG:ACRA", 1),
            ("SG:ACRA", 2),
            ("TH:DBD", 1),
            ("MY:SSM", 1),
            ("MY:SSM", 2),
        ];
        let keys = keys.map(|(party, number)| key(party, number));
        let wallet = json!({ "titianWallet": 1, "insecureDevnet": true, "keys": keys });
        fs::write(folder.path().join("wallet.json"), wallet.to_string()).expect("a wallet");
        let url = format!("http://{}", served.address);
        Self { folder, served: Some(served), runtime, url }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Variables under which `titian` finds node and wallet.
    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("TITIAN_NODE", self.url.as_str()), ("TITIAN_WALLET", "wallet.json")]
    }

    pub(crate) fn titian(&self, args: &[&str]) -> Ran {
        titian_in(self.folder(), &self.variables(), args)
    }

    pub(super) fn import(&self, args: &[&str]) -> Ran {
        self.titian(&[&["ubin", "import"], args].concat())
    }

    /// The genesis file of its network.
    pub(crate) fn genesis(&self) -> Vec<u8> {
        self.served.as_ref().expect("served").world.genesis.to_bytes()
    }

    /// Makes an empty block of a time, ms; later blocks are later.
    pub(crate) fn block_at(&self, time_ms: u64) {
        self.served.as_ref().expect("served").blocks.commit_at(time_ms, Vec::new());
    }

    /// Waits until the index of names has what is on the ledger.
    pub(crate) fn indexed(&self) {
        let served = self.served.as_ref().expect("served");
        let height = served.blocks.ledger.head().height;
        self.runtime.block_on(served.search.reached(height));
    }

    /// The head, to wait for the next block.
    pub(super) fn head(&self) -> watch::Receiver<Head> {
        self.served.as_ref().expect("served").blocks.ledger.subscribe_head()
    }

    /// Waits for a block after those that `head` has seen, but not for ever.
    pub(super) fn wait(&self, head: &mut watch::Receiver<Head>, most: Duration) {
        let _ = self.runtime.block_on(async { tokio::time::timeout(most, head.changed()).await });
    }

    /// Height and state root of the head.
    pub(super) fn roots(&self) -> (u64, String) {
        let head = self.served.as_ref().expect("served").blocks.ledger.head();
        (head.height, head.state_root.to_string())
    }

    /// What the register lists, by UBIN.
    pub(super) fn records(&self) -> BTreeMap<String, Value> {
        let mut records = BTreeMap::new();
        let mut cursor = String::new();
        loop {
            let mut args = vec!["ubin", "list", "SG", "--limit", "500", "--json"];
            if !cursor.is_empty() {
                args.extend(["--cursor", cursor.as_str()]);
            }
            let page = self.titian(&args).json();
            for item in page["items"].as_array().expect("items") {
                let ubin = item["ubin"].as_str().expect("a UBIN").to_owned();
                records.insert(ubin, item.clone());
            }
            match page["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return records,
            }
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(served) = self.served.take() {
            self.runtime.block_on(served.stop());
        }
    }
}

/// The findings of a report file.
pub(super) fn findings(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a report");
    text.lines().map(|line| serde_json::from_str(line).expect("a finding")).collect()
}

/// The example that the help and the guide name.
pub(super) fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/demo/import")
}

/// A UEN of the year 2099 with its check letter: nobody has it.
pub(super) fn uen(n: usize) -> String {
    let digits = format!("2099{n:05}");
    let weights = [10, 8, 6, 4, 9, 7, 5, 3, 1];
    let sum: u32 =
        digits.chars().zip(weights).map(|(c, w)| c.to_digit(10).expect("digits") * w).sum();
    let letter = b"ZKCMDNERGWH"[sum as usize % 11];
    format!("{digits}{}", char::from(letter))
}

/// A row that keeps the rules.
fn good_row(n: usize) -> Vec<String> {
    let statuses = ["Live Company", "Live", "Gazetted To Be Struck Off", "Struck Off"];
    let mut row = vec![
        uen(n),
        format!("EXAMPLE COMPANY {n} PTE. LTD."),
        statuses[n % statuses.len()].to_owned(),
        format!("{:02}/{:02}/{}", n % 28 + 1, n % 12 + 1, 1990 + n % 30),
        "Private Company Limited by Shares".to_owned(),
        ["MICRO", "SMALL", "MEDIUM", ""][n / 4 % 4].to_owned(),
        format!("{} Example Street, \"Level {}\"", n % 90 + 1, n % 9),
        "Singapore".to_owned(),
        format!("{:06}", 100_000 + n),
        ["6201", "4690", ""][n % 3].to_owned(),
    ];
    row.resize(HEADERS.split(',').count(), String::new());
    row
}

pub(super) fn good_rows(count: usize) -> Vec<Vec<String>> {
    (1..=count).map(good_row).collect()
}

/// A row that breaks a rule.
pub(super) struct Bad {
    line: Vec<u8>,
    pub(super) code: &'static str,
    column: &'static str,
}

/// A change of one cell: its place, the new text, and what is reported.
type Change = (usize, String, &'static str, &'static str);

/// One change for each kind of badness; `n` makes the numbers distinct.
fn changes(n: usize) -> Vec<Change> {
    let change = |at: usize, text: &str, code, column| (at, text.to_owned(), code, column);
    vec![
        (0, uen(n).replacen('0', "O", 1), "LOCAL_FORMAT", "uen"),
        (0, format!("S{n:07}X"), "PERSONAL_NUMBER_REFUSED", "uen"),
        change(0, "", "MALFORMED", "uen"),
        (0, format!("2099#{n}"), "UBIN_CHAR", "uen"),
        (0, "1".repeat(25), "UBIN_LOCAL_LENGTH", "uen"),
        (0, "1".repeat(129), "UBIN_TOO_LONG", "uen"),
        change(1, "EXAMPLE \u{202E}LTD", "NAME_CHAR", "entity_name"),
        change(1, "CAFE\u{301} EXAMPLE LTD", "NAME_NOT_NFC", "entity_name"),
        (1, "X".repeat(257), "NAME_LENGTH", "entity_name"),
        change(1, "", "MALFORMED", "entity_name"),
        change(1, "EXAMPLE 91234567 8 LTD", "PERSONAL_DATA_SUSPECTED", "entity_name"),
        change(2, "", "MALFORMED", "entity_status"),
        change(3, "2020-01-31", "MALFORMED", "incorporated"),
        change(3, "30/02/2020", "MALFORMED", "incorporated"),
        change(3, "", "MALFORMED", "incorporated"),
        (4, "X".repeat(81), "FIELD_LIMIT", "entity_type"),
        change(5, "HUGE", "MALFORMED", "size"),
        change(6, "someone@example.invalid", "PERSONAL_DATA_SUSPECTED", "street"),
        (6, format!("care of T{n:07}Y"), "PERSONAL_DATA_SUSPECTED", "street"),
        (6, "X".repeat(121), "FIELD_LIMIT", "street"),
        (7, "X".repeat(121), "FIELD_LIMIT", "city"),
        (8, "1".repeat(17), "FIELD_LIMIT", "postcode"),
        change(9, "46A", "MALFORMED", "ssic"),
        change(10, "COMPANY", "MALFORMED", "kind"),
        change(10, "SOLE_PROPRIETOR", "MINIMAL_RECORD_REQUIRED", ""),
        change(10, "BRANCH", "MALFORMED", "/relations"),
        change(11, "SUSPENDED", "STATUS_MAP_MISMATCH", "entity_status"),
        change(11, "DEAD", "MALFORMED", "entity_status"),
        change(12, "01/01/2020", "MALFORMED", "ended"),
        change(13, "123", "MALFORMED", "lei"),
        change(14, "Singapore", "MALFORMED", "region"),
        change(15, "01/01/2099", "FUTURE_EFFECTIVE", "effective"),
        change(16, "EXAMPLE TRADE", "MALFORMED", "trade_type"),
        change(18, "ABC", "MALFORMED", "elf"),
        change(19, "0", "MALFORMED", "version"),
        change(20, "english language", "MALFORMED", "language"),
        (6, "X".repeat(70_000), "LIMIT_EXCEEDED", ""),
    ]
}

/// `count` bad rows of as many kinds as there are.
pub(super) fn bad_rows(count: usize) -> Vec<Bad> {
    let mut bad = Vec::new();
    for n in 50_000.. {
        let kinds = changes(n);
        let kind = (n - 50_000) % (kinds.len() + 3);
        let row = good_row(n);
        match kind.checked_sub(kinds.len()) {
            None => {
                let (at, text, code, column) = kinds[kind].clone();
                let mut row = row;
                row[at] = text;
                bad.push(Bad { line: csv_line(&row), code, column });
            }
            Some(0) => {
                let line = csv_line(&row[..5]);
                bad.push(Bad { line, code: "MALFORMED", column: "" });
            }
            Some(1) => {
                let line = String::from_utf8(csv_line(&row)).expect("text");
                let mut line = line.into_bytes();
                let at = line.windows(7).position(|part| part == b"EXAMPLE").expect("a name");
                line[at] = 0xFF;
                bad.push(Bad { line, code: "MALFORMED", column: "entity_name" });
            }
            Some(_) if count - bad.len() >= 2 => {
                let mut other = row.clone();
                other[0] = row[0].to_lowercase().replace("2099", "2099-");
                for row in [row, other] {
                    let line = csv_line(&row);
                    bad.push(Bad { line, code: "IMPORT_COLLISION", column: "uen" });
                }
            }
            Some(_) => {}
        }
        if bad.len() >= count {
            break;
        }
    }
    bad.truncate(count);
    bad
}

fn csv_line(row: &[String]) -> Vec<u8> {
    let cell = |text: &String| {
        if text.contains([',', '"']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.clone()
        }
    };
    row.iter().map(cell).collect::<Vec<_>>().join(",").into_bytes()
}

/// Writes `in.csv` and `map.toml` with good and bad rows in a seeded order; gives what has to be
/// reported of each line.
pub(super) fn write_input(
    folder: &Path,
    good: usize,
    bad: usize,
) -> BTreeMap<u64, (String, String)> {
    println!("seed {SEED}");
    let fine = |row: &Vec<String>| Bad { line: csv_line(row), code: "", column: "" };
    let mut rows: Vec<Bad> = good_rows(good).iter().map(fine).collect();
    rows.extend(bad_rows(bad));
    let mut state = SEED;
    for at in (1..rows.len()).rev() {
        rows.swap(at, next(&mut state) % (at + 1));
    }
    let mut expected = BTreeMap::new();
    for (place, row) in rows.iter().enumerate().filter(|(_, row)| !row.code.is_empty()) {
        expected.insert(place as u64 + 2, (row.code.to_owned(), row.column.to_owned()));
    }
    write_lines(folder, rows.into_iter().map(|row| row.line));
    expected
}

/// Writes `in.csv` and `map.toml` with these rows.
pub(super) fn write_rows(folder: &Path, rows: &[Vec<String>]) {
    write_lines(folder, rows.iter().map(|row| csv_line(row)));
}

fn write_lines(folder: &Path, lines: impl Iterator<Item = Vec<u8>>) {
    let mut csv = format!("{HEADERS}\n").into_bytes();
    for line in lines {
        csv.extend_from_slice(&line);
        csv.push(b'\n');
    }
    fs::write(folder.join("in.csv"), csv).expect("the input is written");
    fs::write(folder.join("map.toml"), MAP).expect("the map is written");
}

/// The next number of a linear congruential generator.
pub(super) fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}
