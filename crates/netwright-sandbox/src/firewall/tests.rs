use super::*;

#[test]
fn a_wrong_text_is_told_with_its_line() {
    let text = "table inet example {\n    chain output {\n        oifname nonsense nonsense\n    }\n}\n";
    let Err(error) = compiled("try this", text, &Names::new(), &Catalog::of_nothing()) else {
        panic!("it was taken");
    };
    let error = error.to_string();
    assert!(error.starts_with("cannot try this: "), "{error}");
    assert!(error.ends_with("in «oifname nonsense nonsense»"), "{error}");
}

#[test]
fn what_a_text_declares_is_known_to_the_next_one() {
    let (names, nothing) = (Names::new(), Catalog::of_nothing());
    let table = "table inet example {\n    set places {\n        type ipv4_addr\n    }\n}\n";
    let chain = "table inet example {\n    chain output {\n        ip daddr @places drop\n    }\n}\n";
    assert!(compiled("try this", chain, &names, &nothing).is_err());
    let (_, known) = compiled("try this", table, &names, &nothing).unwrap();
    let (batch, _) = compiled("try this", chain, &names, &known).unwrap();
    assert!(batch.messages() > 0);
}
