/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts what a program allocates: how often, and how much it has at most at once. Loaded before the C library (LD_PRELOAD), whose own
 * functions do the work; the counts go to the file that COUNTED_TO names where the program ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static unsigned long calls;
static long now, most;

static void *got(void *block)
{
	long all, before;

	if (!block)
		return block;
	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	all = __atomic_add_fetch(&now, malloc_usable_size(block), __ATOMIC_RELAXED);
	before = __atomic_load_n(&most, __ATOMIC_RELAXED);
	while (all > before && !__atomic_compare_exchange_n(&most, &before, all, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return block;
}

static void *given(void *block)
{
	if (block)
		__atomic_sub_fetch(&now, malloc_usable_size(block), __ATOMIC_RELAXED);
	return block;
}

void *malloc(size_t size) { return got(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return got(__libc_calloc(count, size)); }
void *memalign(size_t align, size_t size) { return got(__libc_memalign(align, size)); }
void *aligned_alloc(size_t align, size_t size) { return got(__libc_memalign(align, size)); }
void free(void *block) { __libc_free(given(block)); }

void *realloc(void *block, size_t size)
{
	return got(__libc_realloc(given(block), size));
}

int posix_memalign(void **block, size_t align, size_t size)
{
	*block = got(__libc_memalign(align, size));
	return *block ? 0 : ENOMEM;
}

__attribute__((destructor)) static void tell(void)
{
	const char *place = getenv("COUNTED_TO");
	unsigned long counted = calls;
	long peak = most;
	FILE *file = place ? fopen(place, "w") : NULL;

	if (!file)
		return;
	fprintf(file, "%lu %ld\n", counted, peak);
	fclose(file);
}
