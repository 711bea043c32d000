use super::common_starts;

#[test]
fn members_of_an_enumeration_start_alike() {
    let text = "enum nft_cmp_ops {\n NFT_CMP_EQ,\n NFT_CMP_NEQ = 1,\n __NFT_CMP_MAX\n};\nenum { A_ONE, A_TWO };\n\
                enum lonely {\n LONELY\n};\nstruct x { enum nft_cmp_ops op; };\nenum nft_registers { NFT_REG_1, NFT_REG32_00 };";
    let found: Vec<(String, String)> = common_starts(text).collect();
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, start)| (name.as_str(), start.as_str())).collect();
    assert_eq!(found, [("nft_cmp_ops", "NFT_CMP_"), ("nft_registers", "NFT_")]);
}
