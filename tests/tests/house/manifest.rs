//! Manifests and the lock file of the workspace.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use crate::source::{read, root};

/// One crate of the workspace.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    /// The names in all its tables of dependencies.
    pub(crate) dependencies: BTreeSet<String>,
    /// Table, name, and whether the version is inherited from the workspace.
    pub(crate) entries: Vec<(String, String, bool)>,
}

fn table(path: &str) -> Table {
    read(path).parse().unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

/// The crates of the workspace.
pub(crate) fn members() -> Vec<Member> {
    let workspace = table("Cargo.toml");
    let list = workspace["workspace"]["members"].as_array().expect("a list of members");
    list.iter().map(|path| member(path.as_str().expect("a folder"))).collect()
}

fn member(folder: &str) -> Member {
    let manifest = table(&format!("{folder}/Cargo.toml"));
    let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
    let mut entries = Vec::new();
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(Value::Table(dependencies)) = manifest.get(kind) else { continue };
        for (dependency, form) in dependencies {
            let inherited = form.get("workspace").and_then(Value::as_bool) == Some(true);
            entries.push((kind.to_owned(), dependency.clone(), inherited));
        }
    }
    assert!(manifest.get("target").is_none(), "{name}: dependencies by target are not looked at");
    let dependencies = entries.iter().map(|(_, dependency, _)| dependency.clone()).collect();
    Member { name, dependencies, entries }
}

/// The dependencies of all members that are not members, by name.
pub(crate) fn foreign() -> BTreeSet<String> {
    let all = members();
    let ours: BTreeSet<&str> = all.iter().map(|member| member.name.as_str()).collect();
    all.iter()
        .flat_map(|member| &member.dependencies)
        .filter(|dependency| !ours.contains(dependency.as_str()))
        .cloned()
        .collect()
}

/// The lock file: who depends on whom, features of all members united.
#[derive(Debug)]
pub(crate) struct Lock(BTreeMap<String, BTreeSet<String>>);

impl Lock {
    pub(crate) fn read() -> Self {
        assert!(root().join("Cargo.lock").exists(), "the lock file is part of the repository");
        let lock = table("Cargo.lock");
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for package in lock["package"].as_array().expect("packages") {
            let name = package["name"].as_str().expect("a name").to_owned();
            let dependencies = package.get("dependencies").and_then(Value::as_array);
            let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
            // versions of one name are taken together: a path too many is safer than one missed
            let names = names.map(|entry| entry.split(' ').next().unwrap_or(entry).to_owned());
            edges.entry(name).or_default().extend(names);
        }
        Self(edges)
    }

    /// Everything that `name` depends on, directly or not.
    pub(crate) fn reached_from(&self, name: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut next = vec![name.to_owned()];
        while let Some(name) = next.pop() {
            for dependency in self.0.get(&name).into_iter().flatten() {
                if reached.insert(dependency.clone()) {
                    next.push(dependency.clone());
                }
            }
        }
        reached
    }
}
