"""Which revision a rollback went back to.

Without a default, so that SQLite adds the column in place: a table that is made anew would lose the
triggers of migration 2.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]
    operations = [
        migrations.AddField("revision", "restored_from", models.IntegerField(null=True)),
    ]
