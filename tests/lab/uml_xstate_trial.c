/*
 * Sets a traced task's floating-point state as user-mode-linux 6.1 does (2,696 bytes), again and again, while a timer
 * signal leaves EAGAIN in errno as the emulator's own handler does. With uml_xstate.c preloaded, no call may fail.
 *
 * Argument: how many calls. Prints calls, signals, failures and the last errno; ends with 1 when a call failed.
 */
struct vector { void *base; unsigned long length; };
struct timer { long again_s, again_us, first_s, first_us; };

extern long ptrace(long request, ...);
extern int fork(void), raise(int number), waitpid(int pid, int *status, int options), kill(int pid, int number);
extern int setitimer(int which, const struct timer *set, struct timer *old);
extern int atoi(const char *text), printf(const char *format, ...);
extern void *signal(int number, void (*handler)(int));
extern int *__errno_location(void);

enum { TRACEME = 0, GETREGSET = 0x4204, SETREGSET = 0x4205, XSTATE = 0x202 };
enum { KILL = 9, ALARM = 14, STOP = 19, TRY_AGAIN = 11 };

static unsigned char state[2696];
static volatile long signals;

static void disturb(int number)
{
    signals++;
    *__errno_location() = TRY_AGAIN;
}

int main(int count, char **arguments)
{
    struct timer often = { 0, 50, 0, 50 }, never = { 0, 0, 0, 0 };
    struct vector area = { state, sizeof state };
    long calls = count > 1 ? atoi(arguments[1]) : 0, failures = 0, last = 0, call;
    int status, pid = fork();

    if (pid == 0) {
        ptrace((long)TRACEME, 0L, 0L, 0L);
        raise(STOP);
        return 0;
    }
    waitpid(pid, &status, 0);
    if (ptrace((long)GETREGSET, (long)pid, (long)XSTATE, &area) != 0)
        return 2;
    signal(ALARM, disturb);
    setitimer(0, &often, (struct timer *)0);
    for (call = 0; call < calls; call++) {
        area.length = sizeof state;
        if (ptrace((long)SETREGSET, (long)pid, (long)XSTATE, &area) != 0) {
            last = *__errno_location();
            failures++;
        }
    }
    setitimer(0, &never, (struct timer *)0);
    kill(pid, KILL);
    waitpid(pid, &status, 0);
    printf("%ld %ld %ld %ld\n", calls, signals, failures, last);
    return failures != 0;
}
