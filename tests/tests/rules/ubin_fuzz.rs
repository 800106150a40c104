//! T3: the functions of the fuzz targets of identifiers and schemes over a seeded corpus: published
//! vectors, real numbers and the entries of genesis, each as it is and changed at random. The nightly
//! run goes further (`fuzz/README.md`).

#[path = "../../../fuzz/src/ubin.rs"]
mod ubin;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use titian_contracts::ubin::identifier;
use titian_contracts::ubin::scheme::SchemeTable;

use super::credential_fuzz::changed;

/// Changed inputs of each target.
const CASES: usize = 20_000;

fn corpus() -> Vec<Vec<u8>> {
    let table = SchemeTable::genesis();
    let mut all: Vec<String> = vec![String::new(), "SG-UEN-199403865N-G7".to_owned()];
    for scheme in table.iter() {
        let entry = &scheme.entry;
        all.push(entry.pattern.clone());
        all.push(entry.to_value().to_jcs());
        for example in &entry.accept {
            all.push(example.raw.clone());
            let made = identifier::make(&entry.cc, &entry.code, &example.raw, &table);
            let ubin = made.expect("an accepted example").ubin;
            let shown = identifier::renderings(&ubin, &table);
            all.extend([ubin.to_string(), shown.compact, shown.alei, shown.euid_like, shown.path]);
            all.extend(shown.urn.into_iter().chain(shown.peppol));
        }
    }
    all.into_iter().map(String::into_bytes).collect()
}

#[test]
fn t03_no_reader_of_numbers_and_schemes_panics_or_changes_what_it_read() {
    const SEED: u64 = 303;
    println!("seed {SEED}");
    let corpus = corpus();
    for (name, target) in ubin::TARGETS {
        println!("{name}");
        corpus.iter().for_each(|data| target(data));
        let mut random = StdRng::seed_from_u64(SEED);
        for _ in 0..CASES {
            target(&changed(&corpus, &mut random));
        }
    }
}
