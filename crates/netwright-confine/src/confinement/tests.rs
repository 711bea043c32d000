use super::*;

#[test]
fn a_refusal_is_told_from_an_error_of_the_program() {
    let error = io::Error::from(Failure { step: Step::DirectoryInside, errno: rustix::io::Errno::NOENT });
    let refusal = Confinement::refusal(&error).unwrap();
    assert!(refusal.to_string().contains("enter the working directory"), "{refusal}");
    assert_eq!(refusal.errno(), Some(Errno::ENOENT));
    for number in [1, libc::ENOENT, libc::EACCES, 999, 50_000] {
        assert_eq!(Confinement::refusal(&io::Error::from_raw_os_error(number)), None);
    }
    assert!(Confinement::refusal(&io::Error::other("words")).is_none());
    for (number, step) in Step::ALL.into_iter().enumerate() {
        assert_eq!(step as usize, number);
    }
}
