"""Behind ``move-sydent``: reading Sydent's database, and writing what it holds to an identity server's stores."""
