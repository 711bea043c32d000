use super::*;

fn function(priority: i32, name: &str, module: Option<&str>, owner: Option<HookedOwner>) -> Hooked {
    let (family, hook) = (Family::IPV4, Hook::Input);
    Hooked { family, hook, priority, function: Some(name.into()), module: module.map(str::to_owned), owner }
}

#[test]
fn functions_stand_below_their_hooks() {
    let chain = HookedOwner::Chain { family: Family::INET, table: "filter".into(), name: "input".into() };
    let functions = vec![
        function(-225, "check", None, None),
        function(0, "nft_do_chain_inet", Some("nf_tables"), Some(chain)),
        function(i32::MAX, "nf_confirm", Some("nf_conntrack"), None),
    ];
    let places = [
        Place { hook: Hook::Input, device: None, functions },
        Place {
            hook: Hook::Ingress,
            device: Some("d0".into()),
            functions: vec![function(i32::MIN, "prog", None, Some(HookedOwner::Bpf(7)))],
        },
    ];
    let mut text = Vec::new();
    write_family(Family::IPV4, &places, &mut text).unwrap();
    let expected = "\
family ip {
\thook input {
\t\t-0000000225 check
\t\t 0000000000 chain inet filter input [nf_tables]
\t\t+2147483647 nf_confirm [nf_conntrack]
\t}
\thook ingress device d0 {
\t\t-2147483648 bpf id 7
\t}
}
";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
    let mut text = Vec::new();
    write_family(Family::ARP, &[], &mut text).unwrap();
    assert!(text.is_empty(), "a family without anything is left out");
}
