//! The source tree keeps its own rules.

fn expect_none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn crates_use_only_what_the_architecture_allows() {
    expect_none(tidy::arrows(&tidy::root()));
}

#[test]
fn source_files_keep_the_rules_of_form() {
    expect_none(tidy::sources(&tidy::root()));
}

#[test]
fn documents_name_only_paths_that_exist() {
    expect_none(tidy::documents(&tidy::root()));
}
