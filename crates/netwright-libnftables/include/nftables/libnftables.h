/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The C interface of netwright's libnftables.so.1: commands of the nft language, or JSON of libnftables-json(5), for the
 * nftables of a network namespace. Names, values and behaviour are those that libnftables(3) describes.
 *
 * Any number of contexts may be in use at once, each by one thread at a time. No function ends the process, and none
 * unwinds into its caller. Where NULL is given for a context, functions do nothing and return what stands for failure.
 */
#ifndef LIBNFTABLES_H
#define LIBNFTABLES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nft_ctx;

/* The flags of nft_ctx_new(): there are none. */
#define NFT_CTX_DEFAULT 0

/*
 * A context is for the network namespace that the calling thread is in, also if the thread enters another one later. It
 * has a netlink socket of its own: tables with `flags owner` that it makes last as long as it does.
 * NULL where there is no memory or no such socket.
 */
struct nft_ctx *nft_ctx_new(uint32_t flags);
void nft_ctx_free(struct nft_ctx *ctx);

/*
 * Run commands: all changes of one call are one transaction, and listings show what is there after it. 0 where all was
 * done; else nothing was changed, and the errors are in the error output.
 *
 * buf ends with a null byte. `-` as filename is the standard input.
 */
int nft_run_cmd_from_buffer(struct nft_ctx *ctx, const char *buf);
int nft_run_cmd_from_filename(struct nft_ctx *ctx, const char *filename);

/* Whether the kernel takes changes back once it has tried them; at first it does not. */
bool nft_ctx_get_dry_run(struct nft_ctx *ctx);
void nft_ctx_set_dry_run(struct nft_ctx *ctx, bool dry);

/* Whether rules that differ only in values are merged into one. */
enum nft_optimize_flags {
	NFT_OPTIMIZE_ENABLED = 0x1,
};

uint32_t nft_ctx_get_optimize(struct nft_ctx *ctx);
void nft_ctx_set_optimize(struct nft_ctx *ctx, uint32_t flags);

/* How input is read. nft_ctx_input_set_flags() returns the flags before. */
enum {
	/* Names of hosts are not resolved; this library never does. */
	NFT_CTX_INPUT_NO_DNS = (1 << 0),
	/* Input may be JSON: it is where it begins with a brace. */
	NFT_CTX_INPUT_JSON = (1 << 1),
};

unsigned int nft_ctx_input_get_flags(struct nft_ctx *ctx);
unsigned int nft_ctx_input_set_flags(struct nft_ctx *ctx, unsigned int flags);

/* What output shows. */
enum {
	/* Addresses by the names of their hosts. */
	NFT_CTX_OUTPUT_REVERSEDNS = (1 << 0),
	/* Ports by the names of /etc/services. */
	NFT_CTX_OUTPUT_SERVICE = (1 << 1),
	/* Nothing that changes with each packet, such as what a counter has counted. */
	NFT_CTX_OUTPUT_STATELESS = (1 << 2),
	/* The kernel's handles. */
	NFT_CTX_OUTPUT_HANDLE = (1 << 3),
	/* JSON, and input may be JSON too. */
	NFT_CTX_OUTPUT_JSON = (1 << 4),
	/* What was made, with its handles: in JSON the document that was run, if that was in JSON. */
	NFT_CTX_OUTPUT_ECHO = (1 << 5),
	/* Users and groups by their names. */
	NFT_CTX_OUTPUT_GUID = (1 << 6),
	/* Layer 4 protocols as numbers. */
	NFT_CTX_OUTPUT_NUMERIC_PROTO = (1 << 7),
	/* Priorities of base chains as numbers. */
	NFT_CTX_OUTPUT_NUMERIC_PRIO = (1 << 8),
	/* All other symbols as numbers. */
	NFT_CTX_OUTPUT_NUMERIC_SYMBOL = (1 << 9),
	/* Times as numbers. */
	NFT_CTX_OUTPUT_NUMERIC_TIME = (1 << 10),
	NFT_CTX_OUTPUT_NUMERIC_ALL = (NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_NUMERIC_PRIO |
				      NFT_CTX_OUTPUT_NUMERIC_SYMBOL | NFT_CTX_OUTPUT_NUMERIC_TIME),
	/* Sets without their elements. */
	NFT_CTX_OUTPUT_TERSE = (1 << 11),
};

unsigned int nft_ctx_output_get_flags(struct nft_ctx *ctx);
void nft_ctx_output_set_flags(struct nft_ctx *ctx, unsigned int flags);

/* What else is shown on the way. Levels other than NFT_DEBUG_NETLINK and NFT_DEBUG_MNL show nothing in this library. */
enum nft_debug_level {
	NFT_DEBUG_SCANNER = 0x1,
	NFT_DEBUG_PARSER = 0x2,
	NFT_DEBUG_EVALUATION = 0x4,
	NFT_DEBUG_NETLINK = 0x8,
	NFT_DEBUG_MNL = 0x10,
	NFT_DEBUG_PROTO_CTX = 0x20,
	NFT_DEBUG_SEGTREE = 0x40,
};

unsigned int nft_ctx_output_get_debug(struct nft_ctx *ctx);
void nft_ctx_output_set_debug(struct nft_ctx *ctx, unsigned int mask);

/*
 * Where output and errors go: at first to stdout and stderr. These return the file before; where fp is NULL or has an
 * error they return NULL and change nothing. A file must stay open as long as it is in use here.
 */
FILE *nft_ctx_set_output(struct nft_ctx *ctx, FILE *fp);
FILE *nft_ctx_set_error(struct nft_ctx *ctx, FILE *fp);

/* Into memory instead, from now on; 0. */
int nft_ctx_buffer_output(struct nft_ctx *ctx);
int nft_ctx_buffer_error(struct nft_ctx *ctx);

/* And no longer; other than 0 where it was not. */
int nft_ctx_unbuffer_output(struct nft_ctx *ctx);
int nft_ctx_unbuffer_error(struct nft_ctx *ctx);

/*
 * What has been written into memory since this was last asked; an empty string where that is nothing. It belongs to the
 * context, and is valid until the next command is run or the buffer is given up.
 */
const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx);
const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx);

/* Where `include` looks for relative names: at first in /etc. 0 where it worked; path must be a directory. */
int nft_ctx_add_include_path(struct nft_ctx *ctx, const char *path);
void nft_ctx_clear_include_paths(struct nft_ctx *ctx);

/* Variables that commands can use as $key; var is `key=value`. 0 where it is that. */
int nft_ctx_add_var(struct nft_ctx *ctx, const char *var);
void nft_ctx_clear_vars(struct nft_ctx *ctx);

#ifdef __cplusplus
}
#endif

#endif
