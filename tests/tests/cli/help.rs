//! Help: every command says what it does and shows an example.

use super::titian;

/// Commands below `path`, read from its help.
pub(crate) fn commands_of(path: &[&str]) -> Vec<String> {
    let mut args = path.to_vec();
    args.push("--help");
    let ran = titian(&args);
    assert_eq!(ran.code, 0, "{path:?}: {ran:?}");
    let Some((_, list)) = ran.stdout.split_once("\nCommands:\n") else { return Vec::new() };
    list.lines()
        .take_while(|line| !line.trim().is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_with_an_example_of_itself() {
    let mut waiting: Vec<Vec<String>> =
        commands_of(&[]).into_iter().map(|name| vec![name]).collect();
    let mut leaves = 0;
    while let Some(path) = waiting.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let below = commands_of(&words);
        if below.is_empty() {
            leaves += 1;
            let mut args = words.clone();
            args.push("--help");
            let help = titian(&args).stdout;
            let (_, examples) = help
                .split_once("Examples:\n")
                .unwrap_or_else(|| panic!("titian {}: no examples\n{help}", path.join(" ")));
            let own = format!("titian {}", path.join(" "));
            assert!(examples.contains(&own), "the examples of {own} do not show it:\n{examples}");
        }
        waiting.extend(below.into_iter().map(|name| {
            let mut longer = path.clone();
            longer.push(name);
            longer
        }));
    }
    assert!(leaves > 60, "only {leaves} commands found");
}

#[test]
fn a_wrong_command_line_exits_2() {
    assert_eq!(titian(&["ubin", "fly"]).code, 2);
    assert_eq!(titian(&["etr", "offer", "etr_x"]).code, 2);
    assert_eq!(titian(&["ledger", "block", "many"]).code, 2);
}

#[test]
fn completions_of_each_shell_name_the_nouns() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = titian(&["completions", shell]);
        assert_eq!(ran.code, 0);
        for noun in ["ubin", "etr", "devnet", "verify"] {
            assert!(ran.stdout.contains(noun), "{shell} does not complete {noun}");
        }
    }
}

#[test]
fn no_colour_code_reaches_a_pipe() {
    for args in [&["ubin", "check", "SG-UEN-199403865N-G7"][..], &["explain", "BUSY"], &["--help"]]
    {
        let ran = titian(args);
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    }
}
