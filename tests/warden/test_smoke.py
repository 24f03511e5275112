from tests.warden.world import Sink, World
import time

async def test_smoke(world: World):
    t=time.time()
    await world.warden.install(); print("install", time.time()-t)
    await world.open(); print("open", time.time()-t)
    print(await world.warden.status(world.vm))
    await world.send_launch(); print("started", time.time()-t)
    s=Sink()
    print(await world.warden.follow(world.vm,"launch",s), s.out, s.err, time.time()-t)
    print(await world.work("sh","-c","echo hi; echo oops >&2; exit 5"), time.time()-t)
    await world.warden.reap(world.vm); print("reap", time.time()-t)
    print(await world.gone(), time.time()-t)
