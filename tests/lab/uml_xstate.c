/*
 * Lets user-mode-linux 6.1 run on processors whose saved state is larger than it expects.
 *
 * It keeps 2,696 bytes of a task's floating-point state (up to AVX-512 and PKRU) and hands the same many back.
 * On processors with AMX the host wants its whole area (11 kB) or answers EFAULT, and the guest's first process dies
 * with "ptrace set fp regs failed, errno = 14". Preloaded into linux.uml, this completes a short area with the state
 * that the task has: the offsets of the standard format (Intel SDM vol. 1, 13.4) are the same for both lengths,
 * and no guest program uses AMX. Everything else goes through untouched.
 *
 * Compiled by tcc without any header: one small package instead of a tool chain.
 */
typedef unsigned long word;
struct vector { void *base; word length; };

extern void *dlsym(void *handle, const char *name);
extern int *__errno_location(void);
extern void *memcpy(void *to, const void *from, word length);

enum { GETREGSET = 0x4204, SETREGSET = 0x4205, XSTATE = 0x202, EFAULT_NUMBER = 14 };
enum { HEADER = 512, SAVED_BY_UML = 0x2ff }; /* x87, SSE, AVX, MPX, AVX-512, PKRU */

static unsigned char whole[1 << 16]; /* not on the stack: a guest task's stack is short; one thread only traces */

long ptrace(long request, long pid, void *address, void *data)
{
    static long (*real)(long, long, void *, void *);
    struct vector *given = data, full = { whole, sizeof whole };
    long answer;

    if (!real)
        real = (long (*)(long, long, void *, void *))dlsym((void *)-1L, "ptrace");
    answer = real(request, pid, address, data);
    if (answer == 0 || request != SETREGSET || (word)address != XSTATE || *__errno_location() != EFAULT_NUMBER)
        return answer;
    if (given->length < HEADER + 64 || real(GETREGSET, pid, address, &full) != 0 || full.length <= given->length)
        return answer;
    memcpy(whole, given->base, given->length);
    *(word *)(whole + HEADER) &= SAVED_BY_UML;
    return real(request, pid, address, &full);
}
