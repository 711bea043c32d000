use super::satisfied;

fn met(expression: &str) -> bool {
    satisfied(expression, |id| ["MIT", "ISC", "Apache-2.0"].contains(&id)).is_ok()
}

#[test]
fn either_side_of_or_suffices_and_and_needs_both() {
    for good in [
        "MIT",
        "MIT OR GPL-2.0",
        "GPL-2.0 OR MIT",
        "MIT/GPL-2.0",
        "MIT AND ISC",
        "GPL-2.0 OR MIT AND ISC",
        "(GPL-2.0 OR MIT) AND ISC",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(met(good), "{good}");
    }
    for bad in
        ["GPL-2.0", "MIT AND GPL-2.0", "MIT AND (GPL-2.0 OR LGPL-2.1)", "(GPL-2.0 OR MIT) AND LGPL-2.1"]
    {
        assert!(!met(bad), "{bad}");
    }
}

#[test]
fn what_is_no_expression_is_refused() {
    for bad in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
        assert!(!met(bad), "{bad}");
    }
}
