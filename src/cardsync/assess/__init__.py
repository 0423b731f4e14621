"""How probable it is that a VIP's work details are still right, why, and what is worth asking.  All pure."""
