/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Calls every function and prints what came of it: any libnftables must print the same. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nftables/libnftables.h>

static void told(struct nft_ctx *ctx, int rc)
{
	const char *errors = nft_ctx_get_error_buffer(ctx);

	printf("rc %d, errors %s, output <%s>\n", rc, *errors ? "yes" : "no", nft_ctx_get_output_buffer(ctx));
}

static void run(struct nft_ctx *ctx, const char *commands)
{
	printf("run %s: ", commands);
	told(ctx, nft_run_cmd_from_buffer(ctx, commands));
}

static void run_file(struct nft_ctx *ctx, const char *commands)
{
	char name[] = "/tmp/transcript-XXXXXX";
	FILE *file = fdopen(mkstemp(name), "w");

	fputs(commands, file);
	fclose(file);
	printf("file %s: ", commands);
	told(ctx, nft_run_cmd_from_filename(ctx, name));
	remove(name);
}

static void run_pipe(struct nft_ctx *ctx, const char *commands)
{
	char name[32];
	int ends[2];

	if (pipe(ends) || write(ends[1], commands, strlen(commands)) < 0)
		exit(1);
	close(ends[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	printf("pipe %s: ", commands);
	told(ctx, nft_run_cmd_from_filename(ctx, name));
	close(ends[0]);
}

int main(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	struct nft_ctx *other = nft_ctx_new(NFT_CTX_DEFAULT);

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!ctx || !other)
		return 1;
	printf("at first: dry %d, output %u, debug %u, optimize %u\n", nft_ctx_get_dry_run(ctx),
	       nft_ctx_output_get_flags(ctx), nft_ctx_output_get_debug(ctx), nft_ctx_get_optimize(ctx));
	printf("output was to stdout: %d, errors to stderr: %d\n", nft_ctx_set_output(ctx, stdout) == stdout,
	       nft_ctx_set_error(ctx, stderr) == stderr);
	printf("no file: %d %d\n", nft_ctx_set_output(ctx, NULL) == NULL, nft_ctx_set_error(ctx, NULL) == NULL);
	printf("not kept yet: %d %d\n", nft_ctx_unbuffer_output(ctx) != 0, nft_ctx_unbuffer_error(ctx) != 0);
	printf("kept: %d %d\n", nft_ctx_buffer_output(ctx), nft_ctx_buffer_error(ctx));
	printf("kept twice: %d %d\n", nft_ctx_buffer_output(ctx), nft_ctx_buffer_error(ctx));
	printf("nothing: <%s> <%s>\n", nft_ctx_get_output_buffer(ctx), nft_ctx_get_error_buffer(ctx));

	run(ctx, "add table inet t; add chain inet t c { type filter hook input priority 0; }");
	run(ctx, "add rule inet t c tcp dport { 22, 80 } counter accept comment \"x\"");
	run(ctx, "list ruleset");
	printf("asked again: <%s>\n", nft_ctx_get_output_buffer(ctx));
	run(ctx, "add rule inet t nochain accept");
	run(ctx, "add rule inet t c accept; nonsense");
	run(ctx, "list chain inet t c");
	run(ctx, "");
	run(ctx, "# a comment");
	run(ctx, "list table inet none");

	nft_ctx_set_dry_run(ctx, true);
	printf("dry: %d\n", nft_ctx_get_dry_run(ctx));
	run(ctx, "delete table inet t");
	run(ctx, "delete table inet none");
	nft_ctx_set_dry_run(ctx, false);
	run(ctx, "list tables");

	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_STATELESS);
	printf("output: %u\n", nft_ctx_output_get_flags(ctx));
	run(ctx, "list ruleset");
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_NUMERIC_ALL | NFT_CTX_OUTPUT_SERVICE);
	run(ctx, "list ruleset");
	nft_ctx_output_set_flags(ctx, NFT_CTX_OUTPUT_ECHO | NFT_CTX_OUTPUT_HANDLE | NFT_CTX_OUTPUT_JSON);
	run(ctx, "{\"nftables\": [{\"add\": {\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"d\"}}}, {\"add\": {\"rule\": "
		 "{\"family\": \"inet\", \"table\": \"t\", \"chain\": \"d\", \"expr\": [{\"accept\": null}]}}}]}");
	run(ctx, "{\"nftables\": [{\"add\": {\"chain\": {\"family\": \"inet\", \"table\": \"none\", \"name\": \"d\"}}}]}");
	run(ctx, "{\"nftables\": [{\"add\": ");
	nft_ctx_output_set_flags(ctx, 0);

	nft_ctx_buffer_output(other);
	nft_ctx_buffer_error(other);
	run(other, "list chain inet t d");
	run_file(ctx, "add rule inet t d tcp dport 443 drop\n");
	run_file(ctx, "list chain inet t d\n");
	run(ctx, "add rule inet t d accept comment \"caf\xe9\"");
	run(ctx, "list chain inet t d");
	run_file(ctx, "add rule inet t d iifname \"e\xe9\" drop\n");
	run_pipe(ctx, "add rule inet t d oifname \"x\" drop\n");
	run(ctx, "list chain inet t d");
	run(ctx, "define x = 5");
	run(ctx, "define x = 6");
	run_file(ctx, "define y = $x\nadd rule inet t d tcp dport $y drop\n");
	run(ctx, "define x = 6");
	run_file(ctx, "define y = 7\nadd rule inet t d tcp dport $y drop\n");
	run(ctx, "list chain inet t d");
	/* whether an error is told here depends on the version */
	printf("no such file: %d\n", nft_run_cmd_from_filename(ctx, "/nonexistent/file"));
	nft_ctx_get_error_buffer(ctx);
	printf("include path: %d\n", nft_ctx_add_include_path(ctx, "/tmp") != 0);
	nft_ctx_clear_include_paths(ctx);

	nft_ctx_set_optimize(ctx, NFT_OPTIMIZE_ENABLED);
	printf("optimize: %u\n", nft_ctx_get_optimize(ctx));
	/* files alone are optimized */
	run(ctx, "table inet o { chain c { tcp dport 1 accept; tcp dport 2 accept; }; }");
	run(ctx, "list table inet o");
	nft_ctx_set_optimize(ctx, 0);
	nft_ctx_output_set_debug(ctx, NFT_DEBUG_NETLINK);
	printf("debug: %u\n", nft_ctx_output_get_debug(ctx));
	printf("run: %d", nft_run_cmd_from_buffer(ctx, "add rule inet t d ip saddr 192.0.2.2 drop"));
	printf(", something shown: %d\n", *nft_ctx_get_output_buffer(ctx) != 0);
	nft_ctx_output_set_debug(ctx, 0);

	printf("no longer kept: %d %d, %d %d\n", nft_ctx_unbuffer_output(ctx) != 0, nft_ctx_unbuffer_error(ctx) != 0,
	       nft_ctx_unbuffer_output(ctx) != 0, nft_ctx_unbuffer_error(ctx) != 0);
	fflush(stdout);
	nft_run_cmd_from_buffer(ctx, "list tables");
	nft_ctx_free(other);
	nft_ctx_free(ctx);
	return 0;
}
