/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of the later version nodes, which older libraries lack. */
#include <nftables/libnftables.h>

int main(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	unsigned int first = nft_ctx_input_get_flags(ctx), before = nft_ctx_input_set_flags(ctx, NFT_CTX_INPUT_NO_DNS | NFT_CTX_INPUT_JSON);
	int rc = nft_run_cmd_from_buffer(ctx, "{\"nftables\": [{\"add\": {\"table\": {\"family\": \"ip\", \"name\": \"j\"}}}]}");

	printf("%u %u %u %d\n", first, before, nft_ctx_input_get_flags(ctx), rc);
	/* variables last until they are cleared; text without a value is none */
	printf("%d", nft_ctx_add_var(ctx, "v=22") | nft_ctx_add_var(ctx, "w=1"));
	printf(" %d", nft_run_cmd_from_buffer(ctx, "add chain ip j c; add rule ip j c tcp dport $v"));
	printf(" %d", nft_ctx_add_var(ctx, "nothing"));
	nft_ctx_clear_vars(ctx);
	nft_ctx_buffer_error(ctx);
	printf(" %d\n", nft_run_cmd_from_buffer(ctx, "add rule ip j c tcp dport $v"));
	/* what a text defines is there in the next, in the same context */
	printf("%d", nft_run_cmd_from_buffer(ctx, "define p = { 80, 443 }"));
	printf(" %d\n", nft_run_cmd_from_buffer(ctx, "add rule ip j c tcp dport $p accept"));
	/* pointers that are none are refused */
	nft_ctx_free(NULL);
	printf("%d %d %d %d\n", nft_run_cmd_from_buffer(NULL, "list ruleset"), nft_run_cmd_from_buffer(ctx, NULL),
	       nft_run_cmd_from_filename(ctx, NULL), nft_ctx_add_var(ctx, NULL));
	printf("<%s>\n", nft_ctx_get_output_buffer(NULL));
	nft_ctx_free(ctx);
	return 0;
}
