/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight threads, each with contexts of its own, change tables of their own and read them back. */
#include <pthread.h>
#include <string.h>

#include <nftables/libnftables.h>

enum { THREADS = 8, ROUNDS = 30 };

static void *work(void *number)
{
	long failed = 0;
	char text[256];
	int thread = (int)(long)number;
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);

	nft_ctx_buffer_output(ctx);
	nft_ctx_buffer_error(ctx);
	for (int round = 0; round < ROUNDS; round++) {
		snprintf(text, sizeof(text), "add table ip t%d; flush table ip t%d; add chain ip t%d c; add rule ip t%d c tcp dport %d accept",
			 thread, thread, thread, thread, round + 1);
		failed += nft_run_cmd_from_buffer(ctx, text) != 0;
		snprintf(text, sizeof(text), "list chain ip t%d c", thread);
		failed += nft_run_cmd_from_buffer(ctx, text) != 0;
		snprintf(text, sizeof(text), "tcp dport %d accept", round + 1);
		failed += strstr(nft_ctx_get_output_buffer(ctx), text) == NULL;
		failed += *nft_ctx_get_error_buffer(ctx) != 0;
		failed += nft_run_cmd_from_buffer(ctx, "list ruleset") != 0;
		nft_ctx_get_output_buffer(ctx);
		if (round % 10 == 9) {
			nft_ctx_free(ctx);
			ctx = nft_ctx_new(NFT_CTX_DEFAULT);
			nft_ctx_buffer_output(ctx);
			nft_ctx_buffer_error(ctx);
		}
	}
	nft_ctx_free(ctx);
	return (void *)failed;
}

int main(void)
{
	pthread_t threads[THREADS];
	long failed = 0;

	for (long thread = 0; thread < THREADS; thread++)
		failed += pthread_create(&threads[thread], NULL, work, (void *)thread);
	for (int thread = 0; thread < THREADS; thread++) {
		void *of_one;

		pthread_join(threads[thread], &of_one);
		failed += (long)of_one;
	}
	printf("%ld\n", failed);
	return 0;
}
