/*
 * Lets user-mode-linux 6.1 run on processors whose saved state is larger than it expects.
 *
 * It keeps 2,696 bytes of a task's floating-point state (up to AVX-512 and PKRU) and hands the same many back.
 * On processors with AMX the host wants its whole area (11 kB) or answers EFAULT, and the guest's first process dies
 * with "ptrace set fp regs failed, errno = 14". Preloaded into linux.uml, this completes a short area up to the length
 * that the host wants: the offsets of the standard format (Intel SDM vol. 1, 13.4) are the same for both lengths,
 * and what the header does not announce is not read, so the tail is of no account. No guest program uses AMX.
 * Everything else goes through untouched.
 *
 * The length is asked for beforehand; a short area is never tried first. Trying it and looking for EFAULT in errno
 * fails now and then: a signal of the emulator may come between the two, and its handler leaves EAGAIN in errno (it
 * reads until there is no more). The emulator then lost its task with "put_fp_registers returned -11". With a pause
 * put between the two, a single start of a device showed that 43 times; uml_xstate_trial.c shows it without one.
 *
 * Compiled by tcc without any header: one small package instead of a tool chain.
 */
typedef unsigned long word;
struct vector { void *base; word length; };

extern void *dlsym(void *handle, const char *name);
extern void *memcpy(void *to, const void *from, word length);

enum { GETREGSET = 0x4204, SETREGSET = 0x4205, XSTATE = 0x202 };
enum { HEADER = 512, SAVED_BY_UML = 0x2ff }; /* x87, SSE, AVX, MPX, AVX-512, PKRU */

/* Not on the stack: a guest task's stack is short. One thread only traces, and no signal handler of it sets this. */
static unsigned char whole[1 << 16];
static word wanted; /* the host's length, the same for every task; 0 until one could be asked */

long ptrace(long request, long pid, void *address, void *data)
{
    static long (*real)(long, long, void *, void *);
    struct vector *given = data, full = { whole, sizeof whole };

    if (!real)
        real = (long (*)(long, long, void *, void *))dlsym((void *)-1L, "ptrace");
    if (request != SETREGSET || (word)address != XSTATE || given->length < HEADER + 64)
        return real(request, pid, address, data);
    if (!wanted && real(GETREGSET, pid, address, &full) == 0)
        wanted = full.length;
    if (given->length >= wanted)
        return real(request, pid, address, data);
    memcpy(whole, given->base, given->length);
    *(word *)(whole + HEADER) &= SAVED_BY_UML;
    full.length = wanted;
    return real(request, pid, address, &full);
}
