/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Uses contexts again and again and prints how much more memory and how many more files are in use afterwards. */
#include <dirent.h>
#include <malloc.h>

#include <nftables/libnftables.h>

static const char *const commands[] = {
	"add table ip m; add chain ip m c; add set ip m s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.1 }; }",
	"add rule ip m c ip saddr @s tcp dport { 22, 80-90 } counter accept comment \"some\"",
	"list ruleset",
	"add rule ip m none accept",
	"this is nonsense {",
	"define x = { 1, 2 }",
	"add rule ip m c tcp dport $x",
	"{\"nftables\": [{\"add\": {\"counter\": {\"family\": \"ip\", \"table\": \"m\", \"name\": \"n\"}}}]}",
	"{\"nftables\": [{\"add\": ",
	"get element ip m s { 10.1.1.1 }",
	"reset rules",
	"delete table ip m",
};

static void once(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

	nft_ctx_buffer_output(ctx);
	nft_ctx_buffer_error(ctx);
	nft_ctx_add_var(ctx, "v=1");
	for (unsigned int flags = 0; flags < 4; flags++) {
		nft_ctx_output_set_flags(ctx, (flags & 1 ? NFT_CTX_OUTPUT_JSON : 0) | (flags & 2 ? NFT_CTX_OUTPUT_ECHO : 0));
		for (unsigned int one = 0; one < sizeof(commands) / sizeof(commands[0]); one++) {
			nft_run_cmd_from_buffer(ctx, commands[one]);
			nft_ctx_get_output_buffer(ctx);
			nft_ctx_get_error_buffer(ctx);
		}
	}
	nft_ctx_free(ctx);
}

static int files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

int main(void)
{
	/* what is allocated once is there then */
	for (int round = 0; round < 5; round++)
		once();
	int files_before = files();
	long before = mallinfo2().uordblks;
	for (int round = 0; round < 20; round++)
		once();
	long after = mallinfo2().uordblks;
	printf("%ld %d\n", after - before, files() - files_before);
	return 0;
}
