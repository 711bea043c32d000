use crate::{Policy, Rule};

fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    let rules = |texts: &[&str]| texts.iter().map(|text| text.parse::<Rule>().unwrap()).collect();
    Policy { allow: rules(allow), deny: rules(deny), ..Policy::default() }
}

#[test]
fn patterns_cover_what_is_below_and_not_the_name_itself() {
    let policy = policy(&["example.org:443", "*.example.org:80", "*.org", "10.0.0.0/8"], &[]);
    assert_eq!(policy.name_rules("Example.ORG.").allow, [0, 2]);
    assert_eq!(policy.name_rules("a.b.example.org").allow, [1, 2]);
    assert_eq!(policy.name_rules("badexample.org").allow, [2]);
    assert_eq!(policy.name_rules(".org").allow, [0_usize; 0]);
    assert!(!policy.name_rules("org").is_allowed());
    assert!(!policy.name_rules("example.com").is_allowed());
}

#[test]
fn a_denied_name_is_not_asked_for() {
    let policy = policy(&["*.example.org", "any"], &["ads.example.org", "10.0.0.0/8"]);
    let names = policy.name_rules("ads.example.org");
    assert_eq!((names.allow.as_slice(), names.deny, names.is_allowed()), (&[0][..], Some(0), false));
    assert!(policy.name_rules("example.org").is_allowed());
}

#[test]
fn only_wide_rules_open_names() {
    let opens = |rule: &str, name: &str| policy(&[rule], &[]).name_rules(name).is_allowed();
    assert!(opens("any:53", "example.com") && opens("internet:80/tcp", "example.com"));
    assert!(
        !opens("icmp", "example.com")
            && !opens("0.0.0.0/0", "example.com")
            && !opens("host:80", "example.com")
    );
    assert!(opens("lan", "printer") && opens("lan", "nas.home.arpa") && opens("lan", "a.b.local"));
    assert!(!opens("lan", "secret.example.com") && !opens("lan", "home.arpa") && !opens("lan", ""));
}
