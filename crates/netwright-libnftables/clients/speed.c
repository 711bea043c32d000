/* What a program takes that gives commands to libnftables: the name of the task, milliseconds, those of the processor, and MiB at most.
 *
 *   speed rules COUNT       rules from one buffer
 *   speed elements COUNT    elements of a set from one buffer
 *   speed calls COUNT       calls that add a rule each, on one context
 *   speed beside COUNT      the same in a table of its own, beside 20000 rules and 100000 elements of another */
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { LINE = 80, RULES = 20000, ELEMENTS = 100000 };

static struct nft_ctx *context;

static void run(const char *text)
{
	if (nft_run_cmd_from_buffer(context, text) != 0) {
		fprintf(stderr, "refused: %.80s\n%s\n", text, nft_ctx_get_error_buffer(context));
		exit(1);
	}
}

static char *rules(unsigned count)
{
	char *text = malloc(count * LINE + LINE), *end = text;
	end += sprintf(end, "table inet many {\nchain c {\n");
	for (unsigned i = 0; i < count; i++)
		end += sprintf(end, "ip saddr 10.%u.%u.%u tcp dport %u accept\n", i >> 16 & 255, i >> 8 & 255, i & 255, 1 + i % 65535);
	sprintf(end, "}\n}\n");
	return text;
}

static char *elements(unsigned count)
{
	char *text = malloc(count * LINE + LINE), *end = text;
	end += sprintf(end, "table ip big {\nset s {\ntype ipv4_addr\nelements = {\n");
	for (unsigned i = 0; i < count; i++)
		end += sprintf(end, "10.%u.%u.%u,\n", i >> 16 & 255, i >> 8 & 255, i & 255);
	sprintf(end, "}\n}\n}\n");
	return text;
}

static void calls(unsigned count)
{
	char text[LINE * 2];
	for (unsigned i = 0; i < count; i++) {
		sprintf(text, "add rule ip mine c ip saddr 192.0.2.%u tcp dport %u accept", i & 255, 1 + i);
		run(text);
	}
}

static double now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static double milliseconds(struct timeval time)
{
	return time.tv_sec * 1e3 + time.tv_usec / 1e3;
}

static double of_processor(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime);
}

int main(int argc, char **argv)
{
	const char *task = argc > 2 ? argv[1] : "";
	unsigned count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	char *text = NULL;
	context = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!context || !count)
		return 2;
	nft_ctx_buffer_output(context);
	nft_ctx_buffer_error(context);
	if (!strcmp(task, "beside")) {
		char *others = rules(RULES);
		run(others);
		free(others);
		others = elements(ELEMENTS);
		run(others);
		free(others);
	}
	if (!strcmp(task, "rules"))
		text = rules(count);
	else if (!strcmp(task, "elements"))
		text = elements(count);
	else
		run("table ip mine { chain c { }; }");
	double start = now(), spent = of_processor();
	if (text)
		run(text);
	else
		calls(count);
	double took = now() - start;
	spent = of_processor() - spent;
	nft_ctx_free(context);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("%.1f %.1f %.0f\n", took, spent, usage.ru_maxrss / 1024.0);
	free(text);
	return 0;
}
